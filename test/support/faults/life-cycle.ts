/** Faults of configuration, keys and replacement. */
import type { Area } from './area.js';

export const LIFE_CYCLE: Area = {
  area: 'Configuration and life cycle',
  faults: {
    'reload-load': {
      fault: 'the configuration changes under load, however it is written',
      promise: 'noticed by itself or by SIGHUP, swapped whole; no request fails, none is judged on a mixture',
    },
    'reload-bad': {
      fault: 'the new configuration is bad, or changes what needs a restart',
      promise: 'the last good one stays in force; the reason is logged and shown',
    },
    'reload-large': {
      fault: 'a file as large as they come, good or with twenty thousand problems, is renamed in under load',
      promise:
        'loaded off the serving loop: no request fails or is late; a worker that dies meanwhile is replaced by one with the last good configuration',
    },
    'reload-torn': {
      fault: 'files are half written, or change while they are read',
      promise: 'no mixture comes in force',
    },
    'reload-storm': {
      fault: 'reloads come faster than they are done',
      promise: 'one under way and one that follows; the last state of the files wins',
    },
    'key-set-rotation': {
      fault: 'a producer rotates the keys of its key set',
      promise: 'without a reload: no request fails, and a key that is not published any more counts no more',
    },
    'key-set-forged': {
      fault: 'a key set holds keys that nobody has pinned',
      promise: 'they are refused, whatever they are called; the pinned ones go on',
    },
    'key-set-away': {
      fault: 'the server of a key set is away, slow, or answers with something else',
      promise:
        'the last good set counts until maxStaleSeconds; then its keys are refused (401) until it is fetched again; nobody else notices',
    },
    'key-expired': {
      fault: 'keys or pins expire',
      promise:
        'refused from their last moment on, without a reload; with no caller left the component `keys` is at fault, with no key to sign by it says so',
    },
    'certificate-renewed': {
      fault: 'the listener’s certificate is renewed',
      promise: 'shown to new connections, without a restart',
    },
    'rolling-replacement': {
      fault: 'verifiers are replaced under load, one of two or the only one',
      promise: 'no request fails, no nonce passes twice',
    },
    drain: {
      fault: 'SIGTERM, or the end of a pod',
      promise:
        'not serving at once, served on for the delay, checks under way finish, exit 0 within the limit',
    },
  },
};
