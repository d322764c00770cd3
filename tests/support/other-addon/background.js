/** Sends one mail without a compose window as soon as it may, and says on the console what came of it. */
async function send() {
  try {
    await browser.messages.sendMessage({ to: ["bob@example.test"], subject: "Hello", body: "<p>Do not lose me</p>" });
    console.log("other add-on: sent");
  } catch (error) {
    console.log(`other add-on: ${error}`);
  }
}

browser.permissions.onAdded.addListener(send);
if (await browser.permissions.contains({ permissions: ["messages.send"] })) {
  await send();
}
