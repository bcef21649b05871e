/**
 * The process that has the module of a vendor in it, and nothing of ours beside (docs/adr/0041-module-in-a-process.md):
 * it opens the token, answers questions, and ends with whoever started it.
 */
import { Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import { isMainThread, Worker } from 'node:worker_threads';
import { inWords, isOfTheQuestion, isPinRefused } from './codes.js';
import { LIFELINE, type OpenMessage, type ProcessMessage, type Question } from './messages.js';
import { moduleFileFault } from './module-file.js';
import { LastTry, NoSuchKey, Token } from './token.js';

if (isMainThread) serve();
else watchParent();

/** In a thread of its own: a module that hangs does so in the other one. */
function watchParent(): void {
  const end = () => process.kill(process.pid, 'SIGKILL');
  new Socket({ fd: LIFELINE }).on('error', end).on('close', end).resume();
}

function serve(): void {
  new Worker(fileURLToPath(import.meta.url)).on('error', () => process.exit(1));
  // A terminal sends them to every process of ours; the parent still signs what is under way.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined);
  process.once('disconnect', () => process.exit(0));
  // It may have gone while this file was loaded.
  if (!process.connected) process.exit(0);
  process.once('message', (message) => void open(message as OpenMessage));
}

async function open(message: OpenMessage): Promise<void> {
  try {
    const fault = moduleFileFault(message.modulePath);
    if (fault !== undefined) throw new Error(fault);
    const token = Token.open((await import('pkcs11js')).default, message);
    process.prependOnceListener('disconnect', () => close(token));
    process.on('message', (question) => void answer(token, question as Question));
    say({ kind: 'ready', atOnce: token.atOnce });
  } catch (error) {
    leave(`cannot open the token: ${inWords(error)}`, error instanceof LastTry || isPinRefused(error));
  }
}

async function answer(token: Token, { id, key, message }: Question): Promise<void> {
  try {
    const bytes = message === undefined ? token.publicKey(key) : await token.sign(key, bufferOf(message));
    say({ kind: 'answer', id, bytes });
  } catch (error) {
    if (error instanceof NoSuchKey || isOfTheQuestion(error))
      say({ kind: 'refused', id, reason: inWords(error) });
    else leave(`cannot go on: ${inWords(error)}`, isPinRefused(error));
  }
}

/** An empty Buffer of its own lies nowhere, and modules take no message at that address. */
function bufferOf(message: Uint8Array): Buffer {
  return message.length === 0 ? Buffer.alloc(1).subarray(1) : Buffer.from(message);
}

/** Without C_Finalize: nothing is known about the module any more. */
function leave(reason: string, isPinFault: boolean): void {
  process.send?.({ kind: 'ends', reason, isPinFault } satisfies ProcessMessage, () => process.exit(1));
}

function say(message: ProcessMessage): void {
  process.send?.(message);
}

function close(token: Token): void {
  try {
    token.close();
  } finally {
    process.exit(0);
  }
}
