/** The messages of native-host/PROTOCOL.md as the add-on uses them. */

export type Status = "secure" | "absent" | "insecure" | "bogus" | "unreachable";

/** What a recipient's records are good for when a mail is to be encrypted. */
export type RecipientState =
  | "ready"
  | "unusable"
  | "absent"
  | "insecure"
  | "bogus"
  | "unreachable"
  | "not-in-dns"
  | "invalid-address";

export interface Hello {
  protocol: number;
  host: string;
  features: string[];
  /** Where large bodies can be handed over by file (feature `bodies-by-file`). */
  bodies_folder?: string;
}

/** A body that lies in a file of that folder. */
export interface BodyReference {
  folder: string;
  name: string;
  /** Octets. */
  length: number;
}

export interface Progress {
  stage: string;
  done?: number;
  total?: number;
}

export interface Key {
  /** What it was made or imported for. */
  address: string;
  /** That, and the others that its certificate names. An older host gives none. */
  addresses?: string[];
  sha256: string;
  algorithm: string;
  not_before: string;
  not_after: string;
  can_sign: boolean;
  can_encrypt: boolean;
  selected_sign: boolean;
  selected_encrypt: boolean;
  retired: boolean;
  /** Where its private key is, if not in a file of the host's; an older host does not say. */
  token?: { label: string; serial: string } | null;
}

export interface LookupResult {
  address: string;
  owner_name: string;
  status: Status;
  recipient: RecipientState;
  reason: string;
  /** With `unusable`: why, as a word. */
  hindrance?: { code: string; at?: string };
  /** The facts behind the state; more than is named here. */
  dnssec?: { no_such_domain?: boolean };
  records: { usage: number; selector: number; matching: number; data: string; ttl: number }[];
  certificates: {
    sha256: string;
    subject: string;
    not_before: string;
    not_after: string;
    can_sign: boolean;
    can_encrypt: boolean;
    pem: string;
  }[];
}

export interface ProtectRequest {
  from: string;
  to: string[];
  cc: string[];
  bcc: string[];
  sign: boolean;
  encrypt: boolean;
  purpose: "send" | "draft";
  headers: [name: string, value: string][];
  /** Put `headers` inside, and hide the subject outside (feature `header-protection`). */
  header_protection?: boolean;
  /** Whether the subject is hidden outside; default true (feature `readable-header`). */
  hide_header?: boolean;
  /** Blind recipients get copies of their own (feature `blind-copies`). */
  bcc_copies?: true;
  /** This is the copy for that blind recipient. */
  blind_copy_for?: string;
  /** The sender's certificate to use, by its SHA-256 (feature `protect-certificate`). */
  certificate?: string;
  /** Unusual forms of S/MIME (feature `protect-forms`). */
  opaque?: true;
  triple?: true;
  nocerts?: true;
  wrap?: true;
}

export interface ProtectResult {
  signed: boolean;
  encrypted: boolean;
  content_type: string;
  algorithm: string | null;
  recipients: string[];
  /** The certificate, by its SHA-256; an older host does not say. */
  signed_with?: string | null;
  /** Fields of the outer header that must get this value, or be left out. */
  outer_headers?: [name: string, value: string | null][];
}

/** One recipient in `recipient-without-certificate`. */
export interface RecipientInTheWay {
  address: string;
  status: Status;
  reason: string;
}

export interface Verdict {
  /** The one address in From; null where there is none. */
  from: string | null;
  encryption: {
    state: "none" | "decrypted" | "failed";
    algorithm?: string;
    recipient?: string;
    code: string;
    reason: string;
  };
  signature: {
    state: "none" | "valid" | "invalid" | "unknown";
    type?: string;
    signer?: string;
    binding?: string;
    certificate_sha256?: string;
    algorithm?: string;
    signing_time?: string;
    code: string;
    reason: string;
    /** The time that `reason` names, RFC 3339. */
    at?: string | null;
  };
  subject?: string;
  subject_hidden?: boolean;
  /** What a reader should know beside the verdict; `address`: the other one that it is about. */
  warnings?: { code: string; reason: string; address?: string }[];
}

export interface OpenResult {
  verdict: Verdict;
  certificate_pem?: string;
  domain?: string;
  /** An older host gives none. */
  details?: OpenDetails;
}

/** The facts behind a verdict, for the details view. */
export interface OpenDetails {
  /** Outermost first. */
  layers?: { type: string; algorithm?: string | null; [more: string]: unknown }[];
  record?: { owner_name: string; usage: number; selector: number; matching: number; ttl: number } | null;
  dnssec?: {
    chain?: { zone: string; key_tag: number; algorithm: number }[];
    valid_until?: string;
    [more: string]: unknown;
  } | null;
  dns?: { owner_name: string; status: Status; reason: string } | null;
  certificate?: {
    subject: string;
    issuer: string;
    serial: string;
    addresses?: string[];
    not_before: string;
    not_after: string;
    key: string;
    sha256: string;
  } | null;
  history?: { first_seen: string | null; certificate_seen?: string | null; replaced?: boolean } | null;
  /** RFC 9788. */
  headers?: { protection: string | null; protected: [name: string, value: string][]; hidden: string[] } | null;
}

/** One thing that the host has looked at; `text` and `advice` in English, `code` and `values` for other languages. */
export interface DoctorCheck {
  check: string;
  state: "ok" | "not-ok" | "unknown";
  code: string;
  about: string | null;
  text: string;
  advice: string;
  values: string[];
  /** Those in a command as a shell takes them. */
  advice_values: string[];
}

/** What is most in need of doing for an account (native-host/PROTOCOL.md). */
export type AccountState =
  | "no-key"
  | "requested"
  | "expired"
  | "not-yet-valid"
  | "unfit"
  | "cannot-encrypt"
  | "cannot-sign"
  | "dns-bogus"
  | "not-published"
  | "expiring"
  | "dns-insecure"
  | "dns-unreachable"
  | "retired-published"
  | "foreign-records"
  | "changing"
  | "unchecked"
  | "invalid-address"
  | "good";

/** What the DNS serves beside the keys held. */
export interface Publication {
  address: string;
  owner_name: string;
  status: Status;
  reason: string;
  live: boolean;
  published: boolean;
  keys: { sha256: string; published: boolean; selected_sign: boolean; selected_encrypt: boolean }[];
  retired_published: string[];
  foreign_records: number;
}

export interface Account {
  address: string;
  state: AccountState;
  sign: Key | null;
  encrypt: Key | null;
  next: Key | null;
  requested: boolean;
  days_left: number | null;
  reminder: number | null;
  retires: string | null;
  publication: Publication | null;
}

/** A record as it is to be published. */
export interface ZoneRecord {
  address: string;
  owner_name: string;
  usage: number;
  selector: number;
  matching: number;
  data: string;
  sha256: string;
  smimea: string;
  generic: string;
  update: string;
  octets: number;
  /** `values`: not from an older program */
  lints: { code: string; fault: boolean; message: string; values?: string[] }[];
}

export interface HostSettings {
  resolver: string | null;
  trust_anchor: string | null;
  ca_file: string | null;
  other_spellings: boolean;
  nsupdate_server: string | null;
  nsupdate_key: string | null;
  nsupdate: boolean;
  data_dir: string;
  file: string | null;
  origin: "user" | "machine" | "none";
  writable: boolean;
  locked: string[];
}

/** Words of the window in which the host asks for a password. */
export interface Prompt {
  description?: string;
  label?: string;
  repeat?: string;
  mismatch?: string;
  wrong?: string;
}

type None = Record<string, never>;

/** The requests about the user's own keys. */
export interface KeyRequests {
  accounts: { request: { addresses: string[]; dns?: boolean }; result: { accounts: Account[] } };
  backup: { request: { prompt?: Prompt }; result: None };
  check: { request: { address: string }; result: Publication };
  configure: {
    request: {
      resolver?: string | null;
      trust_anchor?: string | null;
      ca_file?: string | null;
      other_spellings?: boolean | null;
    };
    result: None;
  };
  delete: { request: { sha256: string }; result: None };
  export: { request: { sha256: string; legacy?: boolean; prompt?: Prompt }; result: None };
  generate: {
    request: {
      address: string;
      name?: string;
      algorithm?: string;
      days?: number;
      next?: boolean;
      retire_after_days?: number;
    };
    result: { key: Key };
  };
  import: { request: { address?: string; prompt?: Prompt }; result: { keys: Key[] } };
  install: { request: None; result: { key: Key } };
  keys: { request: None; result: { keys: Key[] } };
  publish: {
    request: { address: string; server?: string; key_file?: string; remove_retired?: boolean };
    result: None;
  };
  record: { request: { address: string; sha256?: string }; result: { domain: string; records: ZoneRecord[] } };
  request: { request: { address: string; name?: string; algorithm?: string }; result: { request: string } };
  restore: { request: { prompt?: Prompt }; result: { keys: Key[] } };
  retire: { request: { sha256: string }; result: None };
  select: { request: { address: string; sign?: string; encrypt?: string }; result: None };
  settings: { request: None; result: { settings: HostSettings } };
}

/** Request and result of each type; `hello` is the connection's own affair. */
export interface Requests extends KeyRequests {
  provision: { request: { addresses: string[] }; result: { handed_over: Key[] } };
  doctor: { request: { accounts: string[] }; result: { ok: boolean; checks: DoctorCheck[]; report: string } };
  keyring: { request: Record<string, never>; result: { locked: boolean } };
  lookup: { request: { addresses: string[] }; result: { results: LookupResult[] } };
  protect: { request: ProtectRequest; result: ProtectResult };
  open: { request: { shown_sha256?: string; show_unauthentic?: boolean }; result: OpenResult };
}
