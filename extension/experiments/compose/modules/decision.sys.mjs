/**
 * What is to become of a mail when Send is pressed: the event page proposes, its writer answers, until there is a plan or the mail
 * stays.
 */

import { askPerson, showNotice, tellPerson } from "./dialogs.sys.mjs";
import { removePills } from "./pills.sys.mjs";
import { addresses, addressesIn } from "./secure.sys.mjs";

/** How long the event page may take to come to a plan; it asks the DNS on the way. */
const PLAN_MS = 45_000;

/** A question may lead to another one (recipients removed, then signing), but not for ever. */
const MOST_ROUNDS = 5;

const NOTICE_WORKING = "dane-smime-working";

/** What takes longer than this says what it is doing. */
const WORKING_MS = 700;

/**
 * @typedef {import("../../../background/compose/choice.js").Choice} Choice
 *
 * @typedef {{ sign: boolean, encrypt: boolean, hideSubject: boolean, certificate: string | null, forms: string[] }} Decided
 */

/**
 * @param {any} window it has been filled
 * @param {import("./compose-window.sys.mjs").Environment} environment
 * @param {() => import("../../../types/dane-compose").WindowDescription} describe
 * @returns {Promise<{ plan: Decided, madeFor: Choice | null } | null>} and the choice for which it was decided; null: the mail stays
 */
export async function decide(window, environment, describe) {
  const { onAnswer, text } = environment;
  const senders = addressesIn(window.document.getElementById("msgIdentity").value);
  if (senders.length > 1) {
    // Thunderbird would write them all into From, and no Sender (RFC 5322 section 3.6.2): no signature counts for such a mail.
    await tellPerson(window, text("not_sent_title"), text("error_several_senders", [senders.join(", ")]));
    return null;
  }
  window.ToggleWindowLock(true);
  try {
    let answers = {};
    for (let round = 0; round < MOST_ROUNDS; round++) {
      const proposal = await ask(window, environment, describe, answers);
      if (!proposal) {
        return null;
      }
      if (proposal.plan) {
        return { plan: pickPlan(proposal.plan), madeFor: proposal.madeFor ?? null };
      }
      const { button, checked } = await askPerson(window, proposal);
      const chosen = proposal.choices?.[button];
      if (!chosen || window.closed) {
        return null;
      }
      if (checked && chosen.plan) {
        // Who sends to the others alone has not agreed to write to these unencrypted.
        onAnswer.tell({ remember: proposal.addresses });
      }
      if (chosen.plan) {
        return { plan: pickPlan(chosen.plan), madeFor: proposal.madeFor ?? null };
      }
      if (chosen.remove) {
        removePills(window, chosen.remove);
        window.GetComposeDetails();
      }
      for (const what of /** @type {const} */ (["sign", "encrypt", "links"])) {
        if (chosen[what] !== undefined) {
          answers = { ...answers, [what]: chosen[what] };
        }
      }
    }
    return null;
  } finally {
    if (!window.closed) {
      window.ToggleWindowLock(false);
    }
  }
}

/**
 * @param {any} window
 * @param {import("./compose-window.sys.mjs").Environment} environment
 * @param {() => import("../../../types/dane-compose").WindowDescription} describe
 * @param {object} answers what the person has said so far
 * @returns {Promise<any>} a proposal; null: given up by the writer
 */
async function ask(window, environment, describe, answers) {
  const { onBeforeSend, tabId, text } = environment;
  window.expandRecipients();
  const { compFields } = window.gMsgCompose;
  const description = {
    ...describe(),
    to: addresses(compFields.to),
    cc: addresses(compFields.cc),
    bcc: addresses(compFields.bcc),
    answers,
  };
  /** @type {(nothing: null) => void} */
  let giveUp = () => {};
  const givenUp = new Promise((resolve) => {
    giveUp = resolve;
  });
  const timer = window.setTimeout(() => {
    const cancel = { label: text("button_cancel"), callback: () => giveUp(null) };
    showNotice(window, NOTICE_WORKING, text("working_lookup"), [cancel], "info");
  }, WORKING_MS);
  try {
    const proposal = await Promise.race([onBeforeSend.ask(PLAN_MS, tabId(window), description), givenUp]);
    if (proposal !== undefined) {
      return proposal;
    }
  } catch (error) {
    console.error(error);
  } finally {
    if (!window.closed) {
      window.clearTimeout(timer);
      showNotice(window, NOTICE_WORKING, "");
    }
  }
  return { title: text("not_sent_title"), text: `${text("error_addon_silent")}\n\n${text("still_here")}` };
}

/**
 * Whether somebody has switched something behind the decision's back: since Send was pressed, or since it was decided. What the
 * event page itself has found out in between (a key that was made elsewhere) may add protection before it decides. A choice for
 * another sender, or for text that turned out to be encrypted, is a new one.
 *
 * @param {{ pressed: Choice | null, decided: Choice | null }} then
 * @param {Choice | null} now
 */
export function isSwitchedSince({ pressed, decided }, now) {
  const differing = (/** @type {Choice | null} */ then) =>
    then && now?.from === then.from && now.fromEncrypted === then.fromEncrypted
      ? /** @type {const} */ (["sign", "encrypt", "hideSubject"]).filter((what) => now[what] !== then[what])
      : [];
  return (
    differing(decided).length > 0 ||
    differing(pressed).some((what) => decided === null || !now?.[what] || now.touched[what])
  );
}

/** @param {any} plan @returns {Decided} */
function pickPlan(plan) {
  return {
    sign: Boolean(plan.sign),
    encrypt: Boolean(plan.encrypt),
    hideSubject: plan.hideSubject !== false,
    certificate: plan.certificate ?? null,
    forms: plan.forms ?? [],
  };
}
