/** The status bar item and its menu. */

import assert from "node:assert/strict";
import { kill } from "node:process";
import { languageServers } from "../harness/processes.ts";
import { Stage } from "../harness/stage.ts";
import { until } from "../harness/waiting.ts";

const stage = new Stage({ engine: ["--hold-load"] });

stage.story("a loading model shows its percentage, a loaded one its name", { "load.py": "x = " }, async (window) => {
  await window.statusIs("loading");
  await until("the percentage", async () => (await window.statusText()).includes("50%") || undefined);
  await window.toEnd();
  await window.type("1");
  await window.noGhost();
  await stage.engine.loads();
  await window.statusIs("ready");
  await until("the model's name", async () => (await window.statusText()).includes("scripted") || undefined);
});

stage.story("it shows that a suggestion is being generated", { "busy.py": "def busy(a):\n" }, async (window) => {
  await stage.engine.says("return ", "a + slow");
  await stage.engine.holds("slow");
  await window.toEnd();
  await window.type("    return ");
  await window.statusIs("busy");
  await stage.engine.releases();
  await window.statusIs("ready");
});

stage.story("the menu pauses and resumes suggestions", { "pause.py": "def pause(a):\n" }, async (window) => {
  await stage.engine.says("return ", "a + 1");
  await window.menu("Pause suggestions");
  await window.statusIs("paused");
  await window.edit("pause.py");
  await window.toEnd();
  const asked = stage.engine.requests.length;
  await window.type("    return ");
  await window.press("Alt+\\");
  await window.ghostIs("a + 1");
  assert.ok(stage.engine.requests.length > asked, "an invoked one still comes");
  await window.press("Escape");
  await window.menu("Resume suggestions");
  await window.statusIs("ready");
});

stage.story("the menu snoozes suggestions and ends the snooze", { "snooze.py": "def snooze(a):\n" }, async (window) => {
  await stage.engine.says("return ", "a + 4");
  await window.statusIs("ready");
  await window.openMenu();
  await window.pick("Snooze…");
  await window.choose("5 minutes"); // of a second list
  assert.match(await window.statusIs("paused"), /snoozed until/);
  await window.edit("snooze.py");
  await window.toEnd();
  await window.type("    return ");
  await window.noGhost();
  await window.press("Alt+\\");
  await window.ghostIs("a + 4");
  await window.press("Escape");
  await window.menu("End the snooze");
  await window.statusIs("ready");
});

stage.story(
  "the menu turns one language off and on",
  { "off.py": "def off(a):\n", "off.js": "const on = " },
  async (window) => {
    await stage.engine.says("return ", "a + 2");
    await stage.engine.says("on = ", "true;");
    await window.menu("Turn off for python");
    await window.statusIs("off");
    await window.edit("off.js");
    await window.statusIs("ready");
    await window.toEnd();
    await window.press("Backspace");
    await window.type(" ");
    await window.ghostIs("true;");
    await window.edit("off.py");
    await window.statusIs("off");
    await window.toEnd();
    const asked = stage.engine.requests.length;
    await window.type("    return ");
    await window.press("Alt+\\");
    await window.noGhost();
    assert.equal(stage.engine.requests.length, asked);
    await window.menu("Turn on for python");
    await window.statusIs("ready");
  },
);

stage.story(
  "it explains a position and leaves no text of the file in the log",
  { "why.py": "def why(secretly):\n    return " },
  async (window) => {
    await stage.engine.says("return ", "secretly * 42");
    await window.toEnd();
    await window.menu("Explain this position");
    const page = await window.pageText("Why");
    assert.match(page, /secretly \* 42/);
    await window.closePage("Why");
    const log = await stage.code.log();
    assert.match(log, /Starting .*infill-ls/);
    assert.doesNotMatch(log, /secretly/);
  },
);

stage.story("a server that is killed comes back", { "kill.py": "def back(a):\n" }, async (window) => {
  await stage.engine.says("return ", "a + 3");
  await window.statusIs("ready");
  const [server] = await languageServers(stage.code);
  assert.ok(server !== undefined);
  kill(server, "SIGKILL");
  await until("another server", async () => (await languageServers(stage.code)).find((pid) => pid !== server));
  await window.statusIs("ready");
  await window.toEnd();
  // The status may still be that of the server before.
  assert.equal(await window.typeUntilGhost("    return "), "a + 3");
  await window.press("Tab");
  assert.equal(await window.saved("kill.py"), "def back(a):\n    return a + 3");
});

stage.story("the menu restarts the server", { "again.py": "" }, async (window) => {
  const [server] = await languageServers(stage.code);
  await window.menu("Restart the server");
  await until("another server", async () => {
    const running = await languageServers(stage.code);
    return (running.length === 1 && running[0] !== server) || undefined;
  });
  await window.statusIs("ready");
});
