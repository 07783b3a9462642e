/** The walkthrough, and the one time that it is offered unasked. */

import * as vscode from "vscode";

/** Open the walkthrough the first time; if it would replace open text, only offer it. */
export async function welcome(context: vscode.ExtensionContext): Promise<void> {
  const allowed = vscode.workspace.getConfiguration("workbench").get("welcomePage.walkthroughs.openOnInstall", true);
  if (!allowed || context.globalState.get("welcomed") !== undefined) {
    return;
  }
  await context.globalState.update("welcomed", true);
  if (vscode.window.visibleTextEditors.length === 0) {
    await walkthrough(context);
    return;
  }
  const start = "Get Started";
  const answer = await vscode.window.showInformationMessage(
    "Infill suggests code while you type; Tab takes it.",
    start,
  );
  if (answer === start) {
    await walkthrough(context);
  }
}

/** Open the walkthrough. */
export async function walkthrough(context: vscode.ExtensionContext): Promise<void> {
  await vscode.commands.executeCommand("workbench.action.openWalkthrough", `${context.extension.id}#start`, false);
}
