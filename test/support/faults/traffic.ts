/** Faults of those who send, and of those who answer. */
import type { Area } from './area.js';

export const LOAD: Area = {
  area: 'Hostile and heavy load',
  faults: {
    'slow-client': {
      fault: 'heads of requests come byte by byte',
      promise: 'others are answered, the verifier keeps within its memory',
    },
    'slow-body': {
      fault: 'bodies come byte by byte',
      promise: 'the same',
    },
    'many-connections': {
      fault: '10,000 connections that say nothing',
      promise: 'the same',
    },
    'slow-reader': {
      fault: 'clients, watchers or scrapers that do not read what they asked for',
      promise: 'what was answered is let go of at once, health is never shed, others are answered',
    },
    'rapid-resets': {
      fault: 'HTTP/2 requests that are reset at once',
      promise: 'the same; the connection between Envoy and verifier is not broken by it',
    },
    forgeries: {
      fault: 'one producer forges as much as it can',
      promise: '401, at the worst 503; nothing of it arrives; others are answered',
    },
    overload: {
      fault: 'more checks than there is room or time for',
      promise:
        'shed with 503 before Envoy’s deadline, the longest queue first; the same bytes pass afterwards',
    },
    copies: {
      fault: 'copies of one request at the same time, over any connections, workers and verifiers',
      promise: 'exactly one passes',
    },
    oversize: {
      fault: 'a body over the limit, announced or not, whole or cut by Envoy',
      promise: '413; nothing unsigned passes behind what was signed',
    },
    'malformed-check': {
      fault: 'a CheckRequest or gRPC message that is malformed, truncated or arbitrary',
      promise: 'refused; no crash, and others on the socket are served on',
    },
    fuzz: {
      fault: 'structure-aware rubbish at every parser',
      promise: 'no crash, no wrong allow; what was found once stays found',
    },
  },
};

export const APPLICATION: Area = {
  area: 'The way to the application and back',
  faults: {
    'upstream-away': {
      fault: 'the application is away',
      promise:
        'a short absence is waited for: one decision, one arrival; after a longer one 503, and the same bytes pass once it is back, if nothing of them was sent; else the retry learns what became of the first copy',
    },
    'signer-stopped': {
      fault: 'the signer of answers stands still',
      promise: '504; nothing unsigned leaves',
    },
    'signer-killed': {
      fault: 'the signer of answers is killed',
      promise: '503; nothing unsigned leaves',
    },
    'answer-broken': {
      fault: 'the application’s answer breaks off or goes away',
      promise: '502 or 503; nothing is signed that was not whole',
    },
    imposter: {
      fault: 'something else answers on the verifier’s socket',
      promise: 'anything but a well-formed allow is 503; no unsigned answer leaves as a success',
    },
    'envoy-misconfigured': {
      fault: 'Envoy is set up without what the verifier leans on',
      promise: 'refused, never passed for want of it',
    },
  },
};
