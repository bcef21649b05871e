/** What to do about a part of the verifier that is unwell: a sentence beside each reason of `/readyz`. */

const REMEDIES: ReadonlyMap<string, string> = new Map([
  [
    'configuration',
    'Read what the last reload says below, mend the file it names, and run `countersign check-config` before the next one.',
  ],
  [
    'keys',
    'Of identities: add a key and a pin that are valid now, or end the interval of one later. Of feedback: add a key with `countersign rotate-key --feedback --announce 0s`; where a root key vouches for keys in memory, mend what keeps it from signing: docs/keys.md.',
  ],
  [
    'nonce_store',
    'Look at the store itself: its directory and disk, or its Redis. After a start without state it serves by itself once the window has passed.',
  ],
  [
    'audit',
    'Make room for the records, or let their reader read on; they are tried again four times a second.',
  ],
  [
    'audit_log',
    'No record is lost and nobody is turned away. Make room on its disk, or look at who is named here: mirror, witness or collector. One that contradicts the log means a restored backup, a key used twice or a forgery: see docs/operations.md.',
  ],
  [
    'report_only',
    'Requests pass that are refused otherwise. Look at countersign_would_refuse_total and at `countersign audit query --code would_refuse`, mend what they name, and take the entry out: docs/roll-out.md.',
  ],
  [
    'engine',
    'Every verdict is the same, and costs more time. Build the engine anew (`make native`) or take native/countersign.node away; use a platform that sodium-native has a binary for.',
  ],
  [
    'key_sets',
    'Ask for yourself with `countersign check-config --fetch-key-sets`. Mend what keeps the server of the set away, or pin the thumbprints of what its producer publishes now: docs/configuration.md.',
  ],
  [
    'key_sources',
    'Answers under these keys are withheld, and requests are judged as ever. Mend what the reason names: docs/keys.md. It is tried again by itself, but for a PIN that was refused.',
  ],
  [
    'key_rotation',
    'The key that signs goes on. Mend what is named here; it is tried again each minute: docs/keys.md.',
  ],
  ['lifecycle', 'The process is told to stop; its successor serves, or will.'],
  ['workers', 'A dead worker is replaced by itself. When it dies again, its own lines in the log say why.'],
]);

/** Undefined for a part that needs no word, or is not known here. */
export function remedyFor(component: string): string | undefined {
  return REMEDIES.get(component);
}
