/** Faults of what is remembered and written down. */
import type { Area } from './area.js';

export const NONCE_STORE_ON_DISK: Area = {
  area: 'Nonce store on disk',
  faults: {
    'store-lost': {
      fault: 'the files of the store are removed or replaced, under a running process too',
      promise: '503; the successor starts with a floor and refuses what it cannot know',
    },
    'store-new': {
      fault: 'a store starts without memory',
      promise:
        'requests from before the start are refused for as long as an earlier store may have let them in',
    },
    'store-full': {
      fault: 'the store is full, or one identity has used up its quota',
      promise: '503; nothing is forgotten to make room; others are served where only the quota is used up',
    },
    'store-disk-full': {
      fault: 'the disk under the store is full',
      promise: '503, everything known stays known, and service goes on when there is room',
    },
    'store-writer-killed': {
      fault: 'one of several processes over one store is killed while it writes or opens it',
      promise: 'nothing that was answered is lost, and the others go on',
    },
  },
};

export const REDIS: Area = {
  area: 'Redis',
  faults: {
    'redis-absent': {
      fault: 'Redis is absent at the start',
      promise: 'no crash loop: alive, not ready, 503; ready by itself when Redis comes',
    },
    'redis-killed': {
      fault: 'Redis is killed and comes back, with its data or empty',
      promise: '503 meanwhile; then nothing that was let in before passes again, whatever Redis has lost',
    },
    'redis-paused': {
      fault: 'Redis stands still',
      promise: '503 within the deadline; claims of unknown outcome are taken back when it answers again',
    },
    'redis-slow': {
      fault: 'Redis is slow',
      promise: 'claims that came too late are taken back, so that the producer’s retry is no replay',
    },
    'redis-connection-lost': {
      fault: 'connections to Redis break, once or again and again',
      promise: 'claims on them are taken back over the next one; nobody else’s claim is',
    },
    'redis-full': {
      fault: 'Redis is out of memory',
      promise: '503, nothing is evicted, and room is used when there is some',
    },
    'redis-evicts': {
      fault: 'Redis is set to evict, or comes to be',
      promise: 'not served from, with the remedy named; then a floor over what it may have evicted',
    },
    'redis-read-only': {
      fault: 'Redis is or becomes a read-only replica',
      promise: '503 and the reason; as a master again it is served from above a floor',
    },
    'redis-flushed': {
      fault: 'Redis is flushed, or loses part of what it held',
      promise: 'noticed by its state key; what was let in before stays refused',
    },
    'redis-failed-over': {
      fault: 'a sentinel fails over under load',
      promise: 'nobody is let in twice, and service goes on with the new master',
    },
    'redis-cluster': {
      fault: 'a master of a cluster dies',
      promise: 'doubt about its nonces alone, 503; the others are served',
    },
    'redis-replicas': {
      fault: 'replicas that a claim waits for are away',
      promise: '503 and nothing claimed',
    },
    'redis-clock': {
      fault: 'the clocks of verifier and Redis differ',
      promise:
        'nothing is claimed beyond the limit, and the difference is said; within it nothing is forgotten early',
    },
    'redis-access': {
      fault: 'Redis is asked by somebody else, or a verifier’s user for more than it needs',
      promise: 'refused by Redis: ACL user, password, TLS',
    },
  },
};

export const RECORDS: Area = {
  area: 'Records',
  faults: {
    'audit-disk-full': {
      fault: 'the disk takes no record',
      promise:
        '503 for whoever would have been let in, nonce given back; no record is torn; service goes on when there is room',
    },
    'audit-moved': {
      fault: 'the audit file is moved, removed, cut to nothing or replaced, as logrotate does',
      promise:
        'records follow the path, no later than the next batch; a record that went to a removed file is written again; 503 while there can be no file',
    },
    'audit-reader-stalled': {
      fault: 'the reader of the records (a pipe) stalls, or goes away',
      promise:
        'a short stall is waited out; then 503, nonce given back; every line is whole, and the last word about a request is what became of it',
    },
    'audit-sync-failed': {
      fault:
        'the disk does not take to itself what was written (a failed fsync), with `audit.durability: machine`',
      promise:
        'no allow is answered on it: 503, nonce given back, and the record corrected; the file is given up and another one begun',
    },
    'audit-sequencer-killed': {
      fault: 'what seals the audit log is killed between any two of its steps, and the machine loses power',
      promise:
        'every record is sealed once and in order; of two checkpoints that were ever seen, one extends the other',
    },
    'log-unwritable': {
      fault: 'the operational log cannot be written: full disk, closed pipe, a reader that stalls',
      promise:
        'service goes on and signals are heeded; lost lines are counted, and told of when it works again',
    },
  },
};
