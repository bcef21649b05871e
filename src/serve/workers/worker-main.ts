/** The executable of one worker, forked by the supervisor: `worker-main.js FILE NUMBER [replace]`. */
import { serve } from '../serve.js';
import { SupervisorFiles } from './supervisor-link.js';

const [, , file = '', number = '', replace] = process.argv;
if (process.send === undefined || !/^[0-9]{1,2}$/.test(number))
  throw new Error('a worker is started by countersign serve, from a configuration with workers');
// What cannot be said there is no reason to end.
process.stderr.on('error', () => undefined);
const worker = { number: Number(number), files: new SupervisorFiles() };
process.exitCode = await serve(file, { worker, replace: replace === 'replace' });
if (process.connected) process.disconnect();
