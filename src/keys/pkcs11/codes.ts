/** What return codes of a PKCS#11 module mean to us (PKCS#11 3.0, section 5.1), and constants that pkcs11js lacks. */

/** CKM_EDDSA: pure Ed25519 with an Ed25519 key and without parameters (PKCS#11 3.0, section 2.3.14). */
export const EDDSA_MECHANISM = 0x1057;
/** CKK_EC_EDWARDS. */
export const EDWARDS_KEY = 0x40;

/** CKR_CANT_LOCK: it may be used by one thread alone. */
export const CANT_LOCK = 0x0a;
/** CKR_SESSION_COUNT: no more sessions than there are. */
export const SESSION_COUNT = 0xb1;
/** CKR_USER_ALREADY_LOGGED_IN. */
export const ALREADY_LOGGED_IN = 0x100;

/** The PIN is wrong, or the token takes none any more: each further try may lock it for good. */
const PIN_REFUSED = new Set([
  0xa0, // CKR_PIN_INCORRECT
  0xa1, // CKR_PIN_INVALID
  0xa2, // CKR_PIN_LEN_RANGE
  0xa3, // CKR_PIN_EXPIRED
  0xa4, // CKR_PIN_LOCKED
  0x102, // CKR_USER_PIN_NOT_INITIALIZED
]);

/** These are about one key or one message; after every other code nothing is known about module, token and session. */
const OF_THE_QUESTION = new Set([
  0x07, // CKR_ARGUMENTS_BAD
  0x20, // CKR_DATA_INVALID
  0x21, // CKR_DATA_LEN_RANGE
  0x63, // CKR_KEY_TYPE_INCONSISTENT
  0x62, // CKR_KEY_SIZE_RANGE
  0x68, // CKR_KEY_FUNCTION_NOT_PERMITTED
  0x70, // CKR_MECHANISM_INVALID
  0x71, // CKR_MECHANISM_PARAM_INVALID
  0x12, // CKR_ATTRIBUTE_TYPE_INVALID
  0x11, // CKR_ATTRIBUTE_SENSITIVE
]);

/** The numeric code of what pkcs11js throws; 0 for errors of another kind. */
export function codeOf(error: unknown): number {
  const code = (error as { readonly code?: unknown }).code;
  return typeof code === 'number' ? code : 0;
}

/** `C_Sign: CKR_DEVICE_ERROR`, or what the error says. */
export function inWords(error: unknown): string {
  const { method, message } = error as { readonly method?: string; readonly message: string };
  return method === undefined || method === '' ? message : `${method}: ${message}`;
}

export function isPinRefused(error: unknown): boolean {
  return PIN_REFUSED.has(codeOf(error));
}

export function isOfTheQuestion(error: unknown): boolean {
  return OF_THE_QUESTION.has(codeOf(error));
}
