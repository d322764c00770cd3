/**
 * As much of an Exchange server (EWS, [MS-OXWSMSG]) as an outgoing server of Thunderbird needs: it takes mails and keeps them. Who
 * gets one, Exchange reads in the mail's own header; only blind recipients are named beside it.
 */

import { once } from "node:events";
import { createServer } from "node:http";

/**
 * @typedef {object} ExchangeMail
 * @property {string[]} blind the addresses named beside the mail
 * @property {string} text the mail
 */

const SOAP = "http://schemas.xmlsoap.org/soap/envelope/";
const MESSAGES = "http://schemas.microsoft.com/exchange/services/2006/messages";
const TYPES = "http://schemas.microsoft.com/exchange/services/2006/types";

const TAKEN = `<?xml version="1.0" encoding="utf-8"?>
<s:Envelope xmlns:s="${SOAP}"><s:Header><t:ServerVersionInfo xmlns:t="${TYPES}" MajorVersion="15" MinorVersion="20"
 MajorBuildNumber="1" MinorBuildNumber="1" Version="V2017_07_11"/></s:Header><s:Body>
<m:CreateItemResponse xmlns:m="${MESSAGES}" xmlns:t="${TYPES}"><m:ResponseMessages><m:CreateItemResponseMessage ResponseClass="Success">
<m:ResponseCode>NoError</m:ResponseCode><m:Items/></m:CreateItemResponseMessage></m:ResponseMessages></m:CreateItemResponse>
</s:Body></s:Envelope>`;

export class Exchange {
  /** What was sent, in order. @type {ExchangeMail[]} */
  mails = [];

  /** @param {import("node:http").Server} server */
  constructor(server) {
    this.server = server;
  }

  static async start() {
    const server = createServer();
    const exchange = new Exchange(server);
    server.on("request", async (request, response) => {
      const octets = [];
      for await (const chunk of request) octets.push(chunk);
      const asked = Buffer.concat(octets).toString("utf8");
      const mail = /<(?:\w+:)?MimeContent[^>]*>([^<]+)</.exec(asked)?.[1];
      if (!mail) return response.writeHead(500).end();
      const blind = [.../** @type {string[]} */ (/BccRecipients>(.*?)<\/(?:\w+:)?BccRecipients/s.exec(asked) ?? [])];
      exchange.mails.push({
        blind: [...(blind[1] ?? "").matchAll(/EmailAddress>([^<]+)</g)].map(([, address]) => address),
        text: Buffer.from(mail, "base64").toString("latin1"),
      });
      response.writeHead(200, { "content-type": "text/xml; charset=utf-8" }).end(TAKEN);
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return exchange;
  }

  /** Where the service answers. */
  get url() {
    const { port } = /** @type {import("node:net").AddressInfo} */ (this.server.address());
    return `http://127.0.0.1:${port}/EWS/Exchange.asmx`;
  }

  stop() {
    this.server.closeAllConnections();
    this.server.close();
  }
}

/**
 * Has the one identity send through an Exchange server from now on. Thunderbird's own component does it, as for any account.
 *
 * @param {import("./thunderbird.mjs").Thunderbird} tb
 * @param {string} url of the service
 * @returns {Promise<string>} the outgoing server's key
 */
export function sendThroughExchange(tb, url) {
  return tb.chrome(async (service) => {
    const { hostname } = new URL(service);
    const login = Cc["@mozilla.org/login-manager/loginInfo;1"].createInstance(Ci.nsILoginInfo);
    login.init(`ews://${hostname}`, null, `ews://${hostname}`, "alice", "password", "", "");
    await Services.logins.addLoginAsync(login);
    MailServices.outgoingServer.servers.length; // read before one is added, or Thunderbird forgets those it had
    const server = MailServices.outgoingServer.createServer("ews");
    server.QueryInterface(Ci.IExchangeOutgoingServer ?? Ci.nsIEwsServer).initialize(service);
    server.authMethod = Ci.nsMsgAuthMethod.passwordCleartext;
    server.username = "alice";
    MailServices.accounts.allIdentities[0].smtpServerKey = server.key;
    return server.key;
  }, url);
}
