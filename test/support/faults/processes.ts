/** Faults of our processes, of Envoy and of the clock. */
import type { Area } from './area.js';

export const PROCESSES: Area = {
  area: 'Processes',
  faults: {
    'verifier-killed': {
      fault: 'the verifier is killed (SIGKILL), idle or under load',
      promise:
        '503 until its successor serves, within two seconds; what was let through stays known, what was under way may be sent again; no record is torn',
    },
    'envoy-killed': {
      fault: 'Envoy is killed, alone or together with the verifier',
      promise: 'connections break; no decision is lost, nothing passes twice, back within two seconds',
    },
    'verifier-hung': {
      fault: 'the verifier stands still (SIGSTOP), and goes on later',
      promise:
        '503 at Envoy’s deadline; nothing that came too late is claimed, so the same bytes pass afterwards',
    },
    'verifier-slow': {
      fault: 'the verifier is slow',
      promise:
        'a decision within the deadline counts; after it 503, nothing is burnt, and the record says so',
    },
    'worker-killed': {
      fault: 'one of several workers is killed',
      promise: 'the others go on; it is replaced within two seconds and counted; nothing passes twice',
    },
    'worker-hung': {
      fault: 'one of several workers gives no sign of life',
      promise: 'readiness and liveness do not hang on it; it is killed and replaced',
    },
    'supervisor-killed': {
      fault: 'the process above the workers is killed',
      promise: 'its workers drain and end by themselves; a successor serves within two seconds',
    },
    'machine-restart': {
      fault: 'the machine restarts, or the store is on another one',
      promise:
        'what the disk held is not trusted unless it was synced: requests that may have been let in before are refused',
    },
    'process-defect': {
      fault: 'a defect throws inside a check',
      promise: '503, and the nonce is given back',
    },
  },
};

export const CLOCK: Area = {
  area: 'Clock',
  faults: {
    'clock-forward': {
      fault: 'the wall clock steps forward, or was ahead and is put right',
      promise:
        'nothing is claimed until it runs evenly; nothing passes twice; the step is reported and counted',
    },
    'clock-back': {
      fault: 'the wall clock steps back',
      promise: 'the same; what it may have forgotten on its way is refused until its time is over',
    },
    'clock-snapshot': {
      fault: 'a machine goes on after a suspension or from a snapshot',
      promise:
        'its wall clock has stepped against its monotonic one: treated as a step, with a floor over both. (A host that leaves the old time on the clock is outside of the promise.)',
    },
    'clock-slewed': {
      fault: 'the clock is slewed, as NTP does',
      promise: 'nobody is disturbed',
    },
  },
};
