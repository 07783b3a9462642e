/** The file on disk, byte for byte: line ends, indentation, and characters of more than one unit. */

import assert from "node:assert/strict";
import { Stage } from "../harness/stage.ts";

const stage = new Stage({ settings: { "files.insertFinalNewline": false, "files.trimTrailingWhitespace": false } });

const ENDS = { unix: "\n", dos: "\r\n" };
const INDENTS = { tabs: "\t", spaces: "    " };

for (const [endName, end] of Object.entries(ENDS)) {
  for (const [indentName, indent] of Object.entries(INDENTS)) {
    const name = `${endName}-${indentName}.py`;
    const title = `${end === "\n" ? "LF" : "CRLF"} and ${indentName}, emoji and CJK before the cursor`;
    const above = ["# 終 🎉 👩‍👩‍👧", "def größe(x):", `${indent}note = "🙂 中文 ${indentName} ${endName}"`].join(end);
    const text = [above, indent, "", `後 = "🚀 한글 ${indentName} ${endName}", `, "", "# 終わり 🎉"].join(end);

    stage.story(title, { [name]: text }, async (window) => {
      const block = [`value = "値 🚀"`, `${indent}return note + value`];
      await stage.engine.says(`${indentName} ${endName}"\n${indent}`, block.join("\n"));
      await stage.engine.says(`한글 ${indentName} ${endName}", `, "größe(1)");
      await window.statusIs("ready");

      await window.goTo(4, 0);
      await window.press("End", "Alt+\\");
      await window.ghostIs([block[0], block[1]!.replace("\t", "    ")].join("\n"));
      await window.press("Tab");
      await window.noGhost();
      assert.equal(
        await window.saved(name),
        text.replace(`${end}${indent}${end}`, `${end}${indent}${block.join(end)}${end}`),
      );
      await window.press("Control+z");
      assert.equal(await window.saved(name), text);

      await window.goTo(6, 0);
      await window.press("End", "Alt+\\");
      await window.ghostIs("größe(1)");
      await window.press("Control+ArrowRight");
      await window.ghostIs("(1)");
      await window.press("Tab");
      await window.noGhost();
      assert.equal(await window.saved(name), text.replace(`${endName}", `, `${endName}", größe(1)`));
      await window.press("Control+z", "Control+z");
      assert.equal(await window.saved(name), text);
    });
  }
}

stage.story("what is typed through beside an emoji is not doubled", { "through.py": "詞 = 1\r\n" }, async (window) => {
  await stage.engine.says('"🙂", ', "wörter(詞)");
  await window.toEnd();
  await window.type('x = "🙂", ');
  await window.ghostIs("wörter(詞)");
  await window.type("wör");
  await window.ghostIs("ter(詞)");
  await window.press("Tab");
  await window.noGhost();
  assert.equal(await window.saved("through.py"), '詞 = 1\r\nx = "🙂", wörter(詞)');
});
