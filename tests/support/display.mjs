/** A display in memory (Xvfb), for what Thunderbird's own pictures do not show: panels, menus, dialogues where they stand. */

import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { Background, temporaryDirectory, until } from "./process.mjs";

/** One X server. */
export class Display {
  /**
   * @param {Background} server
   * @param {string} name such as `:71`
   */
  constructor(server, name) {
    this.server = server;
    this.name = name;
  }

  /**
   * @param {{width?: number, height?: number, log?: string}} [options]
   */
  static async start({ width = 1280, height = 860, log = join(temporaryDirectory(), "xvfb.log") } = {}) {
    // Xvfb picks a free number itself and writes it to the file descriptor it is told.
    const number = `${log}.display`;
    // What an earlier run left there would name a display that is somebody else's by now.
    rmSync(number, { force: true });
    const server = new Background(
      "sh",
      ["-c", `exec Xvfb -displayfd 3 -screen 0 ${width}x${height}x24 -nolisten tcp 3>"$0"`, number],
      { log },
    );
    const name = await until("the display", () => {
      if (!server.alive) throw new Error(`Xvfb ended: ${readFileSync(log, "utf8")}`);
      return existsSync(number) && readFileSync(number, "utf8").endsWith("\n") && readFileSync(number, "utf8").trim();
    });
    return new Display(server, `:${name}`);
  }

  /**
   * A picture of all that is on it.
   *
   * @param {string} file PNG
   */
  picture(file) {
    mkdirSync(dirname(file), { recursive: true });
    execFileSync("import", ["-display", this.name, "-window", "root", file]);
  }

  async stop() {
    await this.server.stop();
  }
}
