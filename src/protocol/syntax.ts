/**
 * The accepted syntax of every token (docs/wire-contract.md#a-signed-request), as full-match patterns that take linear
 * time, and the sizes of what has one. No pattern is wider than its header: a `.` in a nonce would let bytes move
 * between nonce and body.
 */
export const IDENTITY = /^[A-Za-z0-9][A-Za-z0-9._:/@-]{0,127}$/;
/** Unix seconds, canonical decimal, ten or eleven digits. */
export const TIMESTAMP = /^[1-9][0-9]{9,10}$/;
export const NONCE = /^[A-Za-z0-9_-]{8,128}$/;
export const KID = /^[A-Za-z0-9._-]{1,64}$/;
export const UUID = /^[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$/;
export const SHA256_HEX = /^[0-9a-fA-F]{64}$/;
/** What an adjustment is about. No control characters: it ends up in logs and in the keys of policies. */
export const TARGET_URN = /^[^\u0000-\u001f\u007f-\u009f]{1,2048}$/;

/** Of an Ed25519 signature (RFC 8032, section 5.1.6): in headers standard base64 that re-encodes to itself. */
export const SIGNATURE_BYTES = 64;

/** The longest body that any route may take: what keeps a check inside one gRPC message. */
export const MAX_BODY_BYTES = 64 * 1024 * 1024;

/** What `{instance}` in the origin of a log stands for is made once per directory: 8 hex digits. */
export const LOG_INSTANCE = '{instance}';

/**
 * The origin of an audit log: a name as in a URL without its scheme (C2SP tlog-checkpoint, "Note text"), without space
 * or plus, as it is the name of a key as well (C2SP signed-note, "Signatures").
 */
export const LOG_ORIGIN =
  /^(?=.{1,200}$)(?!(?:[^{]*\{){2})[A-Za-z0-9.-]+(?::[0-9]{1,5})?(?:\/(?:[A-Za-z0-9._~-]|\{instance\})+)*$/;

/** `typ` of a keyring document's header (RFC 7515 §4.1.9): no other JWS of the same key is taken for one. */
export const DELEGATION_TYPE = 'countersign-keyring+jwt';
