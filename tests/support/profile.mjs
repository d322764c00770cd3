/** A Thunderbird profile made of preferences alone: one account, one identity, nothing that asks or calls home. */

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/**
 * @typedef {object} Account
 * @property {string} email of the one identity
 * @property {string} name shown beside it
 * @property {{port: number, user: string, password: string}} [imap] without it, an account that only lives in files
 * @property {{port: number}} [smtp] at 127.0.0.1, no TLS, no log-in; without it, sending fails
 */

/** First-run pages, updates, telemetry, captive portals, spelling dialogues: nothing of it belongs into a test. */
const QUIET = {
  "app.donation.eoy.version.viewed": 9999,
  "app.update.enabled": false,
  "browser.dom.window.dump.enabled": true,
  "browser.search.update": false,
  "browser.shell.checkDefaultClient": false,
  "datareporting.policy.dataSubmissionPolicyBypassNotification": true,
  "datareporting.healthreport.uploadEnabled": false,
  "devtools.console.stdout.chrome": true,
  "devtools.console.stdout.content": true,
  "extensions.autoDisableScopes": 0,
  "extensions.getAddons.cache.enabled": false,
  "extensions.update.enabled": false,
  "extensions.systemAddon.update.enabled": false,
  "mail.chat.enabled": false,
  "mail.compose.attachment_reminder": false,
  "mail.e2ee.auto_enable": false,
  "mail.inappnotifications.enabled": false,
  "mail.provider.suppress_dialog_on_startup": true,
  "mail.rights.version": 1,
  "mail.shell.checkDefaultClient": false,
  "mail.spotlight.firstRunDone": true,
  "mail.SpellCheckBeforeSend": false,
  "mail.warn_on_send_accel_key": false,
  "mail.winsearch.firstRunDone": true,
  "mailnews.message_warning_size": 0,
  "mailnews.start_page.enabled": false,
  "network.captive-portal-service.enabled": false,
  "network.connectivity-service.enabled": false,
  "network.prefetch-next": false,
  "services.settings.server": "data:,#remote-settings-dummy/v1",
  "signon.rememberSignons": true,
  "toolkit.telemetry.enabled": false,
};

/** @param {Account} account */
function accountPreferences({ email, name, imap, smtp }) {
  const user = imap?.user ?? email.split("@")[0];
  const folders = imap ? `imap://${encodeURIComponent(user)}@127.0.0.1` : "mailbox://nobody@Local%20Folders";
  return {
    "mail.accountmanager.accounts": "account1,account2",
    "mail.accountmanager.defaultaccount": "account1",
    "mail.accountmanager.localfoldersserver": "server2",
    "mail.account.account1.identities": "id1",
    "mail.account.account1.server": "server1",
    "mail.account.account2.server": "server2",
    "mail.server.server1.type": imap ? "imap" : "none",
    "mail.server.server1.hostname": imap ? "127.0.0.1" : "example.test",
    "mail.server.server1.userName": user,
    "mail.server.server1.name": email,
    "mail.server.server1.directory-rel": "[ProfD]Mail/account",
    ...(imap && {
      "mail.server.server1.port": imap.port,
      "mail.server.server1.socketType": 0,
      "mail.server.server1.authMethod": 3,
      // A log-in before the password is stored would put up a prompt that holds up everything.
      "mail.server.server1.login_at_startup": false,
      "mail.server.server1.check_new_mail": false,
    }),
    "mail.server.server2.type": "none",
    "mail.server.server2.hostname": "Local Folders",
    "mail.server.server2.userName": "nobody",
    "mail.server.server2.name": "Local Folders",
    "mail.server.server2.directory-rel": "[ProfD]Mail/Local Folders",
    "mail.identity.id1.useremail": email,
    "mail.identity.id1.fullName": name,
    "mail.identity.id1.valid": true,
    "mail.identity.id1.doFcc": true,
    "mail.identity.id1.fcc_folder": `${folders}/Sent`,
    "mail.identity.id1.fcc_folder_picker_mode": "1",
    "mail.identity.id1.draft_folder": `${folders}/Drafts`,
    "mail.identity.id1.drafts_folder_picker_mode": "1",
    "mail.identity.id1.stationery_folder": `${folders}/Templates`,
    "mail.identity.id1.tmpl_folder_picker_mode": "1",
    ...(smtp && {
      "mail.identity.id1.smtpServer": "smtp1",
      "mail.smtpservers": "smtp1",
      "mail.smtp.defaultserver": "smtp1",
      "mail.smtpserver.smtp1.hostname": "127.0.0.1",
      "mail.smtpserver.smtp1.port": smtp.port,
      "mail.smtpserver.smtp1.authMethod": 1,
      "mail.smtpserver.smtp1.try_ssl": 0,
      "mail.smtpserver.smtp1.username": "",
    }),
  };
}

/**
 * Writes the preferences of a profile, anew at each call; what Thunderbird itself put into the directory stays.
 *
 * @param {string} directory
 * @param {Account} account
 * @param {Record<string, string | number | boolean>} [extra] stands over all others
 */
export function writeProfile(directory, account, extra = {}) {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const preferences = { ...QUIET, ...accountPreferences(account), ...extra };
  const lines = Object.entries(preferences).map(
    ([key, value]) => `user_pref(${JSON.stringify(key)}, ${JSON.stringify(value)});`,
  );
  writeFileSync(join(directory, "user.js"), `${lines.join("\n")}\n`);
}
