/**
 * What is handed out: the add-on and the .deb are the same to the last octet whenever they are made of the same, the .deb is
 * installed, upgraded and purged on a clean root, an installation without root leaves nothing but keys when it goes.
 */

import { strict as assert } from "node:assert";
import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join, resolve } from "node:path";
import { after, before, describe, test } from "node:test";
import { userAt } from "../support/keyring.mjs";
import { remove, temporaryDirectory } from "../support/process.mjs";
import { ADDON_ID, ROOT } from "../support/thunderbird.mjs";
import { PROGRAMS } from "../support/world.mjs";

/** What is done on the clean root, inside. Says what it found in parts. */
const CLEAN_ROOT = `
export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8
# Everything but what dpkg remembers and what is done here.
all() { find / -xdev \\( -path /tmp -o -path /root -o -path /var/lib/dpkg -o -path /var/log -o -path /var/cache \\) -prune -o -print | sort; }
version() { dpkg-query -W -f '\${Version} \${db:Status-Status}\\n' dane-smime; }
# As text: of 32 random octets the last is now and then a newline, which does not count.
head -c 48 /dev/urandom | base64 >/root/unlock
all >/tmp/before
dpkg -i /tmp/older.deb >&2
echo '== older'; version
dane-smime --unlock-file /root/unlock key generate --address you@example.org --algorithm p-256 >&2
dpkg -i /tmp/newer.deb >&2
echo '== newer'; version
echo '== help'; dane-smime --help
echo '== record'; dane-smime --unlock-file /root/unlock record you@example.org --form smimea
echo '== doctor'; dane-smime --json --unlock-file /root/unlock --resolver 127.0.0.1:1 doctor || [ $? = 1 ]
dpkg --purge dane-smime >&2
echo '== left'; all | diff /tmp/before - || true
echo '== keys'; find /root -name '*.key' -printf '%f\\n'
`;

/** @type {string} */
let work;
before(() => {
  work = temporaryDirectory();
});
after(() => remove(work));

/** @param {string} program @param {string[]} args @param {import("node:child_process").SpawnSyncOptions} [options] */
function run(program, args, options = {}) {
  const { status, stdout, stderr } = spawnSync(program, args, { maxBuffer: 1 << 28, ...options, encoding: "utf8" });
  return { status, stdout, stderr, said: `${stdout}${stderr}` };
}

/** @param {string} program @param {string[]} args @param {import("node:child_process").SpawnSyncOptions} [options] */
function must(program, args, options) {
  const done = run(program, args, options);
  assert.equal(done.status, 0, `${program} ${args.join(" ")}: ${done.said}`);
  return done;
}

/** @param {string} file */
const digest = (file) => createHash("sha256").update(readFileSync(file)).digest("hex");

/** Makes packages. @param {string} name of the folder @param {string[]} what @param {string} [umask] */
function make(name, what, umask = "022") {
  const output = join(work, name);
  const command = `umask ${umask}; exec "$@"`;
  const args = [join(ROOT, "scripts/package"), ...what, "--output", output, "--programs", PROGRAMS, "--fast"];
  must("sh", ["-c", command, "sh", ...args], { env: { ...process.env, SOURCE_DATE_EPOCH: "1790000000" } });
  return readdirSync(output).map((file) => join(output, file));
}

/** Everything below a directory that is no directory. @param {string} root @returns {string[]} */
function files(root) {
  return readdirSync(root, { recursive: true, encoding: "utf8" }).filter(
    (path) => !lstatSync(join(root, path)).isDirectory(),
  );
}

test("the add-on is made the same whoever makes it, and holds what runs and nothing else", () => {
  const [first = ""] = make("once", ["xpi"]);
  const [second = ""] = make("again", ["xpi"], "077");
  assert.equal(digest(first), digest(second));
  const held = must("unzip", ["-Z1", first]).stdout.trim().split("\n");
  assert.ok(held.includes("manifest.json"));
  assert.deepEqual(held, [...held].sort());
  assert.deepEqual(
    held.filter((path) => /\.(ts|md)$|tsconfig/.test(path)),
    [],
  );
  // All that the manifest names is there.
  const manifest = JSON.parse(must("unzip", ["-p", first, "manifest.json"]).stdout);
  const named = [
    ...manifest.background.scripts,
    manifest.options_ui.page,
    manifest.compose_action.default_popup,
    ...Object.values(manifest.experiment_apis).flatMap(({ schema, parent }) => [schema, parent.script]),
  ];
  for (const path of named) assert.ok(held.includes(path), path);
});

describe("the .deb", () => {
  /** @type {string} */
  let deb;
  /** @type {string} */
  let older;
  before(() => {
    [deb = ""] = make("deb", ["deb"]);
    // An older one: another version, and a file that the new one has no more.
    const tree = join(work, "older");
    must("dpkg-deb", ["-R", deb, tree]);
    const control = join(tree, "DEBIAN/control");
    writeFileSync(control, readFileSync(control, "utf8").replace(/^Version: .*$/m, "Version: 0.0.1-1"));
    writeFileSync(join(tree, "usr/share/dane-smime/gone"), "");
    older = join(work, "older.deb");
    must("dpkg-deb", ["--root-owner-group", "-Zgzip", "-z1", "--build", tree, older]);
  });

  test("is made the same again", () => {
    const [again = ""] = make("deb-again", ["deb"], "077");
    assert.equal(digest(deb), digest(again));
  });

  test("lintian finds no error in it", () => {
    const { said, status } = run("lintian", ["--fail-on", "error", "--allow-root", deb]);
    assert.equal(status, 0, said);
  });

  test("is installed, upgraded and purged on a clean root", () => {
    const root = join(work, "root");
    const admin = join(root, "var/lib/dpkg");
    for (const path of ["updates", "info", "triggers"]) mkdirSync(join(admin, path), { recursive: true });
    for (const path of ["status", "available"]) writeFileSync(join(admin, path), "");
    const dpkg = (/** @type {string[]} */ ...args) =>
      must("dpkg", [
        `--root=${root}`,
        "--force-not-root,depends",
        "--force-script-chrootless",
        "--log=/dev/null",
        ...args,
      ]);
    const version = () =>
      must("dpkg-query", [`--admindir=${admin}`, "-W", "-f", `\${Version} \${db:Status-Status}`, "dane-smime"]);

    dpkg("--install", older);
    assert.equal(version().stdout, "0.0.1-1 installed");
    assert.ok(existsSync(join(root, "usr/share/dane-smime/gone")));

    dpkg("--install", deb);
    assert.match(version().stdout, /^\d+\.\d+\.\d+-1 installed$/);
    assert.ok(!existsSync(join(root, "usr/share/dane-smime/gone")));
    const manifest = JSON.parse(
      readFileSync(join(root, "usr/lib/mozilla/native-messaging-hosts/dane_smime.json"), "utf8"),
    );
    assert.equal(manifest.path, "/usr/lib/dane-smime/dane-smime-host");
    assert.deepEqual(manifest.allowed_extensions, [ADDON_ID]);
    const host = must(join(root, manifest.path), ["--version"]);
    assert.match(host.stdout, /^dane-smime-host \d/);
    const addon = join(root, `usr/lib/thunderbird/extensions/${ADDON_ID}.xpi`);
    assert.equal(realpathSync(addon), realpathSync(join(root, "usr/share/dane-smime/dane-smime.xpi")));
    const policies = JSON.parse(readFileSync(join(root, "usr/share/doc/dane-smime/examples/policies.json"), "utf8"));
    const { install_url: url } = policies.policies.ExtensionSettings[ADDON_ID];
    assert.ok(existsSync(join(root, new URL(url).pathname)), "the sample policy names the add-on of the package");
    for (const path of [
      "usr/share/man/man1/dane-smime-key-generate.1.gz",
      "usr/share/bash-completion/completions/dane-smime",
      "usr/share/doc/dane-smime/administrators.md",
    ]) {
      assert.ok(existsSync(join(root, path)), path);
    }

    const manual = join(root, "usr/share/doc/dane-smime");
    for (const page of readdirSync(manual).filter((name) => name.endsWith(".md"))) {
      for (const [, target = ""] of readFileSync(join(manual, page), "utf8").matchAll(/\]\(([^)#\s]+)\)/g)) {
        assert.ok(existsSync(join(manual, target)), `${page}: ${target}`);
      }
    }

    dpkg("--purge", "dane-smime");
    assert.deepEqual(
      files(root).filter((path) => !path.startsWith("var/lib/dpkg/")),
      [],
    );
  });

  test("works on a Debian that has nothing but what it needs, and leaves nothing behind", () => {
    const script = join(work, "clean-root.sh");
    writeFileSync(script, CLEAN_ROOT);
    const newer = join(work, "newer.deb");
    copyFileSync(deb, newer);
    const system = must("sh", ["-c", ". /etc/os-release && echo $VERSION_CODENAME"]).stdout.trim();
    const archive = ["--format", "$(SITE)", "Created-By: Packages", `Codename: ${system}`];
    const [mirror = ""] = must("apt-get", ["indextargets", ...archive]).stdout.split("\n");
    const needs = must("dpkg-deb", ["-f", deb, "Depends"]).stdout.replace(/\([^)]*\)|\s/g, "");
    must("mmdebstrap", [
      ...["--quiet", "--variant=essential", `--include=${needs}`],
      `--customize-hook=copy-in '${older}' '${newer}' '${script}' /tmp`,
      '--customize-hook=chroot "$1" sh -c "sh -eu /tmp/clean-root.sh >/tmp/said"',
      `--customize-hook=copy-out /tmp/said '${work}'`,
      ...[system, "/dev/null", mirror],
    ]);
    const parts = new Map(
      readFileSync(join(work, "said"), "utf8")
        .split(/^== /m)
        .slice(1)
        .map((part) => [part.slice(0, part.indexOf("\n")), part.slice(part.indexOf("\n") + 1)]),
    );
    assert.equal(parts.get("older"), "0.0.1-1 installed\n");
    assert.match(parts.get("newer") ?? "", /^\d+\.\d+\.\d+-1 installed\n$/);
    assert.match(parts.get("help") ?? "", /Usage: dane-smime/);
    assert.match(parts.get("record") ?? "", /^[0-9a-f]{56}\._smimecert\.example\.org\. IN SMIMEA 3 0 0 30/);
    const { checks } = JSON.parse(parts.get("doctor") ?? "");
    const codes = checks.map((/** @type {{code: string}} */ { code }) => code);
    for (const code of ["thunderbird-missing", "manifest-good", "program-good", "unlock-file-good", "key-good"])
      assert.ok(codes.includes(code), `${code} in ${codes}`);
    assert.equal(parts.get("left"), "", "purged, and something is left or was taken along");
    assert.match(parts.get("keys") ?? "", /^\S+\.key\n$/, "the user's keys stay");
  });

  test("its man pages are good to read", () => {
    const tree = join(work, "pages");
    must("dpkg-deb", ["-x", deb, tree]);
    const pages = readdirSync(join(tree, "usr/share/man/man1"));
    assert.ok(pages.length > 15);
    const text = must("sh", ["-c", `gzip -dc "${tree}/usr/share/man/man1/dane-smime-lookup.1.gz"`]).stdout;
    assert.match(text, /\.TH/);
    assert.match(text, /dane\\-smime lookup you@example\.org/);
  });
});

describe("without root", () => {
  /** A user with blanks and quotes in the name of the home directory. @type {import("../support/keyring.mjs").User} */
  let user;
  before(() => {
    user = userAt(join(work, "al'ice & \"co"));
    delete user.env.XDG_DATA_HOME;
    delete user.env.XDG_CONFIG_HOME;
    // The tests' own root is somebody's user here.
    Object.assign(user.env, { DANE_SMIME_AS_ROOT: "1", SOURCE_DATE_EPOCH: "1790000000" });
  });
  const script = (/** @type {string} */ name, /** @type {string[]} */ ...args) =>
    must(join(ROOT, "scripts", name), args, { env: user.env }).said;
  const inHome = () => files(user.home).filter((path) => !/^(run|tmp)(\/|$)/.test(path));

  test("everything is put in place, again over itself, and is well", () => {
    const said = script("install", "--programs", resolve(PROGRAMS));
    assert.match(said, /Install Add-on From File/);
    const first = inHome().sort();
    script("install", "--programs", resolve(PROGRAMS));
    assert.deepEqual(inHome().sort(), first);
    const { stdout } = run(join(user.home, ".local/bin/dane-smime"), ["--json", "doctor"], { env: user.env });
    const codes = JSON.parse(stdout).checks.map((/** @type {{code: string}} */ { code }) => code);
    for (const code of ["manifest-good", "program-good"]) assert.ok(codes.includes(code), `${code} in ${codes}`);
  });

  test("it goes again, and leaves the keys and says where they are", () => {
    const unlock = join(work, "unlock");
    writeFileSync(unlock, "0123456789abcdef0123456789abcdef");
    const generate = [
      "--unlock-file",
      unlock,
      "key",
      "generate",
      "--address",
      "alice@example.test",
      "--algorithm",
      "p-256",
    ];
    must(join(user.home, ".local/bin/dane-smime"), generate, { env: user.env });
    const said = script("uninstall");
    const keys = join(user.home, ".local/share/dane-smime/keys");
    assert.ok(said.includes(`Your keys stay, in ${keys}`), said);
    assert.deepEqual(
      inHome().filter((path) => !path.startsWith(".local/share/dane-smime/")),
      [],
    );
    assert.equal(readdirSync(keys).filter((file) => file.endsWith(".key")).length, 1);
    assert.ok(!existsSync(join(user.home, ".mozilla")), "folders that were made for it are gone");
  });

  test("links of the user's own are followed and stay, and what cannot be written is passed over", () => {
    const [elsewhere, profile] = ["disk/mozilla", ".thunderbird/p"].map((name) => join(user.home, name));
    for (const folder of [elsewhere, profile]) mkdirSync(folder, { recursive: true });
    writeFileSync(join(user.home, ".thunderbird/profiles.ini"), "[Profile0]\nPath=p\n");
    writeFileSync(join(profile, "prefs.js"), "");
    symlinkSync(elsewhere, join(user.home, ".mozilla"));
    symlinkSync("/proc/version", join(profile, "user.js"));
    assert.match(script("install", "--programs", resolve(PROGRAMS)), /^left .*user\.js.*^Whether all is well/ms);
    assert.ok(existsSync(join(elsewhere, "native-messaging-hosts/dane_smime.json")));
    script("uninstall");
    assert.deepEqual(readdirSync(elsewhere), []);
    assert.ok(lstatSync(join(user.home, ".mozilla")).isSymbolicLink());
  });
});

test("macOS: the tree that a package would be made of", () => {
  const programs = join(work, "programs");
  mkdirSync(programs);
  for (const name of ["dane-smime", "dane-smime-host", "x.xpi"]) writeFileSync(join(programs, name), "");
  const script = join(ROOT, "manifests/macos/package");
  must(script, [programs, join(programs, "x.xpi"), join(work, "mac")], { env: { PATH: "/usr/bin:/bin" } });
  const root = join(work, "mac/root");
  const manifest = join(root, "Library/Application Support/Mozilla/NativeMessagingHosts/dane_smime.json");
  const { path } = JSON.parse(readFileSync(manifest, "utf8"));
  assert.ok(existsSync(join(root, path)), "the manifest names a program that the package installs");
  assert.equal(
    execFileSync("readlink", [join(root, "usr/local/bin/dane-smime")], { encoding: "utf8" }).trim(),
    "/Library/Application Support/dane-smime/dane-smime",
  );
  chmodSync(root, 0o755);
});

test("the scripts are as shellcheck wants them", () => {
  const scripts = [
    "package",
    "install",
    "uninstall",
    "build",
    "run",
    "test",
    "bench",
    "lib/install-packages",
    "lib/common.sh",
    "lib/rust.sh",
    "lib/places.sh",
  ];
  must(
    "shellcheck",
    ["-x", ...scripts.map((name) => join(ROOT, "scripts", name)), join(ROOT, "manifests/macos/package")],
    { cwd: ROOT },
  );
});
