/** A process that makes a token of SoftHSM and keys in it; its module is nothing to load into the process of a test. */
import { readFileSync } from 'node:fs';
import pkcs11js from 'pkcs11js';
import type { MadeKeys, TokenTask } from './softhsm.js';

const OF_EDWARDS_PAIRS = 0x1055;
const EDWARDS_KEY = 0x40;
const ED25519 = Buffer.from('06032b6570', 'hex');
const LABEL_BYTES = 32;
const KEY_BYTES = 32;
const READ_AND_WRITE = pkcs11js.CKF_SERIAL_SESSION | pkcs11js.CKF_RW_SESSION;

const task = JSON.parse(readFileSync(0, 'utf8')) as TokenTask;
const module = new pkcs11js.PKCS11(task.module);
module.C_Initialize();
const slot = task.isNew ? makeToken() : findToken();
const session = module.C_OpenSession(slot, READ_AND_WRITE);
module.C_Login(session, pkcs11js.CKU_USER, task.pin);
const publicKeys = task.keys.map((label) => [label, makePair(label)] as const);
for (const label of task.remove) removeKey(label);
module.C_Finalize();
const made: MadeKeys = { slot: Number(slot.readBigUInt64LE()), publicKeys: Object.fromEntries(publicKeys) };
process.stdout.write(JSON.stringify(made));

/** The last slot of SoftHSM is the one without a token; it keeps its number as long as the module is not opened anew. */
function makeToken(): Buffer {
  const free = module.C_GetSlotList(false).at(-1)!;
  module.C_InitToken(free, task.soPin, task.token.padEnd(LABEL_BYTES));
  const officer = module.C_OpenSession(free, READ_AND_WRITE);
  module.C_Login(officer, pkcs11js.CKU_SO, task.soPin);
  module.C_InitPIN(officer, task.pin);
  module.C_CloseAllSessions(free);
  return free;
}

function findToken(): Buffer {
  const slots = module.C_GetSlotList(true);
  return slots.filter((slot) => module.C_GetTokenInfo(slot).label.trim() === task.token).at(-1)!;
}

/** The public half, as a configuration has it. */
function makePair(label: string): string {
  const common = [
    { type: pkcs11js.CKA_TOKEN, value: true },
    { type: pkcs11js.CKA_LABEL, value: label },
    { type: pkcs11js.CKA_ID, value: Buffer.from(`id of ${label}`) },
  ];
  const { publicKey } = module.C_GenerateKeyPair(
    session,
    { mechanism: OF_EDWARDS_PAIRS },
    [
      ...common,
      { type: pkcs11js.CKA_KEY_TYPE, value: EDWARDS_KEY },
      { type: pkcs11js.CKA_VERIFY, value: true },
      { type: pkcs11js.CKA_EC_PARAMS, value: ED25519 },
    ],
    [
      ...common,
      { type: pkcs11js.CKA_KEY_TYPE, value: EDWARDS_KEY },
      { type: pkcs11js.CKA_PRIVATE, value: true },
      { type: pkcs11js.CKA_SENSITIVE, value: true },
      { type: pkcs11js.CKA_EXTRACTABLE, value: false },
      { type: pkcs11js.CKA_SIGN, value: true },
    ],
  );
  const [point] = module.C_GetAttributeValue(session, publicKey, [{ type: pkcs11js.CKA_EC_POINT }]);
  return point!.value.subarray(-KEY_BYTES).toString('base64');
}

function removeKey(label: string): void {
  module.C_FindObjectsInit(session, [{ type: pkcs11js.CKA_LABEL, value: label }]);
  const found = module.C_FindObjects(session, 10);
  module.C_FindObjectsFinal(session);
  for (const object of found) module.C_DestroyObject(session, object);
}
