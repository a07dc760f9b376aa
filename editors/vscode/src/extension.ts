// The client: it starts `behest lsp` and lets the editor speak to it. Whatever is shown comes from
// that program.

import { commands, ExtensionContext, window, workspace } from "vscode";
import { LanguageClient, ServerOptions, TransportKind } from "vscode-languageclient/node";

let client: LanguageClient | undefined;

export async function activate(context: ExtensionContext): Promise<void> {
  context.subscriptions.push(
    commands.registerCommand("behest.restart", restart),
    workspace.onDidChangeConfiguration((change) => {
      if (change.affectsConfiguration("behest.path")) {
        void restart();
      }
    }),
  );
  await start();
}

export async function deactivate(): Promise<void> {
  await client?.stop();
}

async function start(): Promise<void> {
  const command = workspace.getConfiguration("behest").get<string>("path", "behest");
  const server: ServerOptions = { command, args: ["lsp"], transport: TransportKind.stdio };
  client = new LanguageClient("behest", "behest", server, {
    // All files of a bundle, in whichever language: cases and tuples are YAML, entities JSON.
    documentSelector: [
      { scheme: "file", pattern: "**/{schemas,policies}/**" },
    ],
  });
  try {
    await client.start();
  } catch (error) {
    client = undefined;
    const reason = error instanceof Error ? error.message : String(error);
    const settings = "Open settings";
    const chosen = await window.showErrorMessage(
      `\`${command} lsp\` cannot be started: ${reason}. ` +
        "Install behest, or name the program in the setting `behest.path`.",
      settings,
    );
    if (chosen === settings) {
      await commands.executeCommand("workbench.action.openSettings", "behest.path");
    }
  }
}

async function restart(): Promise<void> {
  await client?.stop();
  client = undefined;
  await start();
}
