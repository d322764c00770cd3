/** A mail system: SMTP in (see smtp.mjs), delivered by LMTP to dovecot, read by IMAP. */

import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { connect } from "node:net";
import { userInfo } from "node:os";
import { dirname, join } from "node:path";
import { Background, freePort, until } from "./process.mjs";
import { deliverByLmtp, SmtpSpool } from "./smtp.mjs";

/** dovecot will not run mail processes as root; then it runs as the user that owns nothing. */
const ROOT_STEPS_DOWN_TO = "nobody";

/** One mail system, everything in one directory, nothing of the machine's own mail servers. */
export class MailServers {
  /**
   * @param {string} directory
   * @param {SmtpSpool} smtp
   * @param {Background} dovecot
   * @param {number} imapPort
   * @param {string} password of every account
   */
  constructor(directory, smtp, dovecot, imapPort, password) {
    this.directory = directory;
    this.smtp = smtp;
    this.dovecot = dovecot;
    this.imapPort = imapPort;
    this.password = password;
  }

  /**
   * @param {string} directory every user must be able to pass through the directories above it, where root starts this
   * @param {{smtpPort?: number, imapPort?: number}} [options]
   */
  static async start(directory, { smtpPort, imapPort } = {}) {
    const owner = mailOwner();
    for (const part of [directory, join(directory, "mail")]) {
      mkdirSync(part, { recursive: true, mode: 0o700 });
      chownSync(part, owner.uid, owner.gid);
    }
    if (owner.uid !== process.getuid?.()) chmodSync(dirname(directory), 0o711);
    const passwordFile = join(directory, "password");
    if (!existsSync(passwordFile)) writeFileSync(passwordFile, randomBytes(16).toString("hex"), { mode: 0o600 });
    const password = readFileSync(passwordFile, "utf8");
    const port = imapPort ?? (await freePort());
    const configuration = join(directory, "dovecot.conf");
    writeFileSync(configuration, dovecotConfiguration(directory, owner, port, password), { mode: 0o600 });
    chownSync(configuration, owner.uid, owner.gid);

    const log = join(directory, "dovecot.log");
    const dovecot = new Background("/usr/sbin/dovecot", ["-F", "-c", configuration], {
      log,
      uid: owner.uid,
      gid: owner.gid,
    });
    const socket = join(directory, "run/lmtp");
    await until("dovecot", async () => {
      if (!dovecot.alive) throw new Error(`dovecot ended at once: ${readFileSync(log, "utf8")}`);
      return existsSync(socket) && (await greets(port));
    });
    const smtp = await SmtpSpool.start(join(dirname(directory), "spool"), {
      port: smtpPort,
      deliver: (mail) => deliverByLmtp(socket, mail),
    });
    return new MailServers(directory, smtp, dovecot, port, password);
  }

  /**
   * What a Thunderbird profile needs to know; any address has an account, by its local part.
   *
   * @param {string} email
   * @param {string} name
   * @returns {import("./profile.mjs").Account}
   */
  account(email, name) {
    const user = email.split("@")[0] ?? email;
    return {
      email,
      name,
      smtp: { port: this.smtp.port },
      imap: { port: this.imapPort, user, password: this.password },
    };
  }

  /**
   * The mails in one of a user's folders, as they lie on the server's disk; not those that are marked as deleted.
   *
   * @param {string} user
   * @param {string} [folder] the inbox without it
   * @returns {Buffer[]}
   */
  stored(user, folder) {
    const maildir = join(this.directory, "mail", user, folder ? `.${folder}` : "");
    // In this order, because that is how they wander: one on its way is listed twice, not missed.
    const paths = ["new", "cur"].flatMap((part) => {
      const directory = join(maildir, part);
      const names = existsSync(directory) ? readdirSync(directory) : [];
      return names.filter((name) => !/:2,[A-Z]*T/.test(name)).map((name) => join(directory, name));
    });
    try {
      return paths.sort().map((path) => readFileSync(path));
    } catch (error) {
      // The server gave one another name after the look: with other flags, or in `cur`.
      if (/** @type {NodeJS.ErrnoException} */ (error).code === "ENOENT") return this.stored(user, folder);
      throw error;
    }
  }

  /**
   * The server's flags of the mails in one of a user's folders, as letters of Maildir: `R` for one that was answered.
   *
   * @param {string} user
   * @param {string} folder
   * @returns {string[]}
   */
  flags(user, folder) {
    const names = readdirSync(join(this.directory, "mail", user, `.${folder}`, "cur"));
    return names.map((name) => name.split(":2,")[1] ?? "");
  }

  /**
   * Lets a user's mailbox have no room left, or as much as it needs again.
   *
   * @param {string} user
   * @param {boolean} isFull
   */
  setFull(user, isFull) {
    // Where dovecot is told of no limit, the one that stands in this file counts (Maildir++).
    const file = join(this.directory, "mail", user, "maildirsize");
    rmSync(file, { force: true });
    if (isFull) {
      const { uid, gid } = mailOwner();
      writeFileSync(file, "1000S\n1000 1\n");
      chownSync(file, uid, gid);
    }
  }

  /**
   * Puts a message into someone's inbox as it is, past SMTP: mail that came from elsewhere.
   *
   * @param {string} to
   * @param {Buffer} bytes
   */
  async deliver(to, bytes) {
    await deliverByLmtp(join(this.directory, "run/lmtp"), { from: "elsewhere@example.test", to: [to], bytes });
  }

  /**
   * Puts a message into one of a user's folders, as somebody can who has the server.
   *
   * @param {string} user
   * @param {string} folder
   * @param {Buffer} bytes
   */
  put(user, folder, bytes) {
    const maildir = join(this.directory, "mail", user, `.${folder}`);
    const name = `${randomBytes(8).toString("hex")}.put`;
    const { uid, gid } = mailOwner();
    writeFileSync(join(maildir, "tmp", name), bytes);
    chownSync(join(maildir, "tmp", name), uid, gid);
    renameSync(join(maildir, "tmp", name), join(maildir, "new", name)); // whence dovecot may take it at once
  }

  async stop() {
    await this.smtp.stop();
    await this.dovecot.stop();
  }
}

/** Who dovecot's processes run as. */
function mailOwner() {
  const { uid, gid, username } = userInfo();
  if (uid !== 0) return { uid, gid, user: username, group: execFileSync("id", ["-gn"], { encoding: "utf8" }).trim() };
  const id = (/** @type {string} */ flag) =>
    execFileSync("id", [flag, ROOT_STEPS_DOWN_TO], { encoding: "utf8" }).trim();
  return { uid: Number(id("-u")), gid: Number(id("-g")), user: ROOT_STEPS_DOWN_TO, group: id("-gn") };
}

/** @param {number} port */
function greets(port) {
  return new Promise((resolve) => {
    const socket = connect({ host: "127.0.0.1", port });
    socket.once("data", () => resolve(true));
    socket.once("error", () => resolve(false));
    socket.once("data", () => socket.destroy());
  });
}

/**
 * @param {string} directory
 * @param {{uid: number, gid: number, user: string, group: string}} owner
 * @param {number} port
 * @param {string} password
 */
function dovecotConfiguration(directory, owner, port, password) {
  const mailbox = (/** @type {string} */ name, use = name) =>
    `  mailbox ${name} {\n    auto = subscribe\n    special_use = \\${use}\n  }\n`;
  return `base_dir = ${directory}/run
state_dir = ${directory}/run
instance_name = dane-smime-${port}
log_path = ${directory}/mail.log
protocols = imap lmtp
listen = 127.0.0.1
ssl = no
disable_plaintext_auth = no
default_internal_user = ${owner.user}
default_internal_group = ${owner.group}
default_login_user = ${owner.user}
first_valid_uid = 1
last_valid_uid = 0
mail_location = maildir:${directory}/mail/%n
protocol imap {
  mail_plugins = quota imap_quota
}
plugin {
  quota = maildir:User quota
}
passdb {
  driver = static
  args = password=${password}
}
userdb {
  driver = static
  args = uid=${owner.uid} gid=${owner.gid} home=${directory}/mail/%n allow_all_users=yes
}
service anvil {
  chroot =
}
service stats {
  chroot =
}
service imap-login {
  chroot =
  inet_listener imap {
    port = ${port}
  }
  inet_listener imaps {
    port = 0
  }
}
service lmtp {
  unix_listener lmtp {
    mode = 0600
  }
}
namespace inbox {
  inbox = yes
  separator = /
${mailbox("Drafts")}${mailbox("Sent")}${mailbox("Trash")}}
`;
}
