/**
 * From "I have no key" to "people can write to me securely", for one address at a time: a key, the line for the DNS, a look
 * whether it is there, a test mail. Each step is a file; this one leads from step to step.
 *
 * `?address=` names the account, `?step=` where to begin.
 */

import { comparable } from "../../background/address.js";
import { request } from "../shared/ask.js";
import { button, byId, focusHeading, make, text, translatePage } from "../shared/dom.js";
import { senders } from "../shared/senders.js";
import { checkStep } from "./check-step.js";
import { chooseStep } from "./choose-step.js";
import { cleanStep } from "./clean-step.js";
import { keyStep } from "./key-step.js";
import { publishStep } from "./publish-step.js";
import { requestStep } from "./request-step.js";
import { testStep } from "./test-step.js";

/**
 * What every step is given.
 *
 * @typedef {object} Assistant
 * @property {{ address: string, name: string, identityId: string }} sender
 * @property {(step: string) => Promise<void>} go
 * @property {() => Promise<import("../../types/protocol").Account>} account how it stands now; nothing is asked of the DNS
 * @property {(...nodes: (Node | string)[]) => void} show puts the step's content in place
 * @property {(error: unknown) => void} fail says what went wrong, above what is there
 */

/** @type {Record<string, { show: (assistant: Assistant) => unknown, mark: string }>} */
const STEPS = {
  key: { show: keyStep, mark: "key" },
  renew: { show: keyStep, mark: "key" },
  request: { show: requestStep, mark: "key" },
  publish: { show: publishStep, mark: "publish" },
  clean: { show: cleanStep, mark: "publish" },
  check: { show: checkStep, mark: "check" },
  test: { show: testStep, mark: "test" },
};

const panel = byId("panel");
const query = new URLSearchParams(location.search);
/** Counts what was shown, so that a slow step does not write over the next one. */
let shown = 0;

translatePage();
document.title = text("assistant_title");
await start();

async function start() {
  const all = await senders();
  const asked = comparable(query.get("address") ?? "");
  const wanted = all.find(({ address }) => comparable(address) === asked);
  const sender = wanted ?? (all.length === 1 ? all[0] : undefined);
  if (!sender) {
    byId("steps").hidden = true;
    panel.replaceChildren(
      ...(all.length === 0 ? [make("p", {}, text("assistant_no_account"))] : await chooseStep(all)),
    );
    return;
  }
  byId("for").textContent = text("assistant_for", [sender.address]);
  await go(sender, query.get("step") ?? (await firstStep(sender)));
}

/**
 * Where to begin with an account: at the first thing that is missing.
 *
 * @param {Assistant["sender"]} sender
 */
async function firstStep({ address }) {
  try {
    const { result } = await request("accounts", { addresses: [address] });
    switch (result.accounts[0]?.state) {
      case "invalid-address": // the step says so as soon as it is tried
      case "no-key":
      case "expired":
      case "unfit":
      case "cannot-encrypt":
      case "cannot-sign":
        return "key";
      case "requested":
        return "request";
      case "expiring":
        return "renew";
      default:
        return "publish";
    }
  } catch {
    return "key"; // which says what is wrong as soon as it is tried
  }
}

/** @param {Assistant["sender"]} sender @param {string} name */
async function go(sender, name) {
  const turn = ++shown;
  const { show, mark } = STEPS[name] ?? STEPS.key;
  markSteps(mark);
  history.replaceState(null, "", `?${new URLSearchParams({ address: sender.address, step: name })}`);
  const fail = (/** @type {unknown} */ error) => {
    console.error(error);
    const sentence = error instanceof Error ? error.message : String(error);
    const said = panel.querySelector(".trouble");
    if (said?.textContent === sentence) {
      return; // not read out again at each round
    }
    said?.remove();
    const place = panel.querySelector("h2");
    const trouble = make("p", { class: "trouble", role: "alert" }, sentence);
    if (place) {
      place.after(trouble);
    } else {
      panel.replaceChildren(make("h2", {}, text("assistant_stuck_title")), trouble, again(sender, name));
    }
    trouble.scrollIntoView({ block: "nearest" }); // what was pressed may be far below
  };
  /** @type {Assistant} */
  const assistant = {
    sender,
    go: (step) => go(sender, step),
    account: async () => {
      const { result } = await request("accounts", { addresses: [sender.address] });
      return result.accounts[0];
    },
    show: (...nodes) => {
      if (turn !== shown) {
        return;
      }
      panel.replaceChildren(...nodes);
      const heading = panel.querySelector("h2");
      if (heading) {
        focusHeading(heading);
      }
    },
    fail: (error) => turn === shown && fail(error),
  };
  panel.replaceChildren(make("p", { class: "working", role: "status" }, text("assistant_one_moment")));
  try {
    await show(assistant);
  } catch (error) {
    assistant.fail(error);
  }
}

/**
 * The way on where a step could not even be shown.
 *
 * @param {Assistant["sender"]} sender
 * @param {string} name
 */
function again(sender, name) {
  const retry = async () => go(sender, name === "key" ? await firstStep(sender) : name);
  return make(
    "div",
    { class: "buttons" },
    button(text("assistant_try_again"), retry, { class: "primary", id: "again" }),
  );
}

/** @param {string} current */
function markSteps(current) {
  const all = [.../** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("#steps li"))];
  const at = all.findIndex(({ dataset }) => dataset.step === current);
  for (const [index, item] of all.entries()) {
    item.toggleAttribute("data-done", index < at);
    if (index === at) {
      item.setAttribute("aria-current", "step");
    } else {
      item.removeAttribute("aria-current");
    }
  }
}
