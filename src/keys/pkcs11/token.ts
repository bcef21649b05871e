/**
 * A token as one process uses it: found, logged in to, asked for signatures. Whatever is not about one key or one
 * message is thrown: then the process ends, and another one begins with everything anew.
 */
import type pkcs11js from 'pkcs11js';
import type { Handle, PKCS11, Template } from 'pkcs11js';
import {
  ALREADY_LOGGED_IN,
  CANT_LOCK,
  codeOf,
  EDDSA_MECHANISM,
  EDWARDS_KEY,
  SESSION_COUNT,
} from './codes.js';
import { AT_ONCE, type OpenMessage } from './messages.js';

const SIGNATURE_BYTES = 64;
const POINT_BYTES = 32;
const BYTES_OF_64_BITS = 8;
/** Enough to see that there are several. */
const TWO = 2;
/** Tags of OCTET STRING and BIT STRING (X.690 §8); vendors use either around a point, or neither. */
const OCTETS = '0420';
const BITS = '032100';

type Constants = typeof pkcs11js;

/** There is no such key, or none that is clear; the token itself is well. */
export class NoSuchKey extends Error {}

/** The PIN is not tried: it would be the last time. */
export class LastTry extends Error {}

/** Of the user's PIN, in the flags of a token: one more wrong one locks it; it is locked. */
const FINAL_TRY = 0x20000;
const LOCKED = 0x40000;

export class Token {
  readonly #constants: Constants;
  readonly #module: PKCS11;
  /** For what is done at once and in one piece: looking up. */
  readonly #session: Handle;
  /** Each for one signature at a time. */
  readonly #idle: Handle[];
  readonly #keys = new Map<string, Handle>();
  /** How many signatures may be under way. */
  readonly atOnce: number;

  private constructor(constants: Constants, module: PKCS11, session: Handle, idle: Handle[]) {
    this.#constants = constants;
    this.#module = module;
    this.#session = session;
    this.#idle = idle;
    this.atOnce = idle.length;
  }

  /** Loads the module and logs in, once. Throws what the module says, or a sentence. */
  static open(constants: Constants, { modulePath, token, slot, pin }: OpenMessage): Token {
    const module = new constants.PKCS11(modulePath);
    const most = initialize(constants, module);
    const place = findSlot(module, token, slot);
    if ((module.C_GetTokenInfo(place).flags & (FINAL_TRY | LOCKED)) !== 0)
      throw new LastTry(
        'its PIN is locked, or one wrong try from it; log in by the tool of its vendor first',
      );
    const session = module.C_OpenSession(place, constants.CKF_SERIAL_SESSION);
    logIn(constants, module, session, pin);
    return new Token(constants, module, session, openSessions(constants, module, place, most));
  }

  /** Pure Ed25519 over the message by the private key of that label. Never more than `atOnce` at a time. */
  async sign(label: string, message: Buffer): Promise<Uint8Array> {
    const key = this.#privateKey(label);
    const session = this.#idle.pop();
    if (session === undefined) throw new Error('more signatures at once than there are sessions');
    try {
      this.#module.C_SignInit(session, { mechanism: EDDSA_MECHANISM }, key);
      return await this.#module.C_SignAsync(session, message, Buffer.alloc(SIGNATURE_BYTES));
    } finally {
      this.#idle.push(session);
    }
  }

  /** The 32 bytes of the public key that belongs to the private key of that label. */
  publicKey(label: string): Uint8Array {
    const { CKA_CLASS, CKA_LABEL, CKA_ID, CKO_PUBLIC_KEY, CKA_EC_POINT } = this.#constants;
    const id = this.#attribute(this.#privateKey(label), CKA_ID);
    const found = this.#findOne(
      `public key labelled ${JSON.stringify(label)} with the id of the private key`,
      [
        { type: CKA_CLASS, value: CKO_PUBLIC_KEY },
        { type: CKA_LABEL, value: label },
        { type: CKA_ID, value: id },
      ],
    );
    return pointOf(this.#attribute(found, CKA_EC_POINT));
  }

  #privateKey(label: string): Handle {
    const known = this.#keys.get(label);
    if (known !== undefined) return known;
    const { CKA_CLASS, CKA_LABEL, CKA_KEY_TYPE, CKO_PRIVATE_KEY } = this.#constants;
    const found = this.#findOne(`private Ed25519 key labelled ${JSON.stringify(label)}`, [
      { type: CKA_CLASS, value: CKO_PRIVATE_KEY },
      { type: CKA_KEY_TYPE, value: EDWARDS_KEY },
      { type: CKA_LABEL, value: label },
    ]);
    this.#keys.set(label, found);
    return found;
  }

  /** `what` it is in words. */
  #findOne(what: string, template: Template): Handle {
    this.#module.C_FindObjectsInit(this.#session, template);
    const [first, second] = this.#module.C_FindObjects(this.#session, TWO);
    this.#module.C_FindObjectsFinal(this.#session);
    if (first === undefined) throw new NoSuchKey(`the token has no ${what}`);
    if (second !== undefined) throw new NoSuchKey(`the token has more than one ${what}`);
    return first;
  }

  #attribute(object: Handle, type: number): Buffer {
    const [attribute] = this.#module.C_GetAttributeValue(this.#session, object, [{ type }]);
    return attribute?.value ?? Buffer.alloc(0);
  }

  /** Logs out and lets go of the module. */
  close(): void {
    this.#module.C_Finalize();
  }
}

/** How many sessions may sign at once. */
function initialize(constants: Constants, module: PKCS11): number {
  try {
    module.C_Initialize({ flags: constants.CKF_OS_LOCKING_OK });
    return AT_ONCE;
  } catch (error) {
    if (codeOf(error) !== CANT_LOCK) throw error;
    module.C_Initialize();
    return 1;
  }
}

function findSlot(module: PKCS11, token: string | undefined, slot: number | undefined): Handle {
  const found = module
    .C_GetSlotList(true)
    .filter((each) =>
      token === undefined ? numberOf(each) === slot : module.C_GetTokenInfo(each).label.trimEnd() === token,
    );
  const what = token === undefined ? `token in slot ${slot}` : `token labelled ${JSON.stringify(token)}`;
  const [first, second] = found;
  if (first === undefined) throw new Error(`there is no ${what}`);
  if (second !== undefined) throw new Error(`there is more than one ${what}; name the slot`);
  return first;
}

/** A slot's id as pkcs11js has it: an unsigned long of this machine. */
function numberOf(slot: Handle): number {
  return Number(slot.length === BYTES_OF_64_BITS ? slot.readBigUInt64LE() : slot.readUInt32LE());
}

/** The login is one for all sessions of a token. */
function logIn(constants: Constants, module: PKCS11, session: Handle, pin: string): void {
  try {
    module.C_Login(session, constants.CKU_USER, pin);
  } catch (error) {
    if (codeOf(error) !== ALREADY_LOGGED_IN) throw error;
  }
}

/** As many as may be, and at least one. */
function openSessions(constants: Constants, module: PKCS11, slot: Handle, most: number): Handle[] {
  const sessions: Handle[] = [];
  while (sessions.length < most) {
    try {
      sessions.push(module.C_OpenSession(slot, constants.CKF_SERIAL_SESSION));
    } catch (error) {
      if (sessions.length === 0 || codeOf(error) !== SESSION_COUNT) throw error;
      break;
    }
  }
  return sessions;
}

/** CKA_EC_POINT as vendors write it: the 32 bytes in an OCTET STRING, in a BIT STRING, or bare. */
function pointOf(value: Buffer): Uint8Array {
  const text = value.toString('hex');
  for (const tag of [OCTETS, BITS, ''])
    if (text.length === tag.length + 2 * POINT_BYTES && text.startsWith(tag))
      return value.subarray(-POINT_BYTES);
  throw new NoSuchKey(`the token gives a public key of a form that is not known, of ${value.length} bytes`);
}
