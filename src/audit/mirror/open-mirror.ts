/** From the settings of a mirror to one that can be started. */
import type { HolderStatus } from '../holders/holder-status.js';
import type { SealedLog } from '../holders/sealed-log.js';
import { MAX_BUNDLE_BYTES } from '../holders/sealed-log.js';
import { HttpPeer } from '../../storage/http/http-peer.js';
import { Mirror, UPLOADS_AT_ONCE } from './mirror.js';
import { loadSigner, S3Client, type S3Bucket } from './s3-client.js';
import type { S3Credentials } from '../../storage/s3/credentials.js';

/** The bucket, and how it is reached. */
export interface MirrorSettings extends S3Bucket {
  /** PEM. Default: the authorities that Node was built with. */
  readonly authority: string | undefined;
  readonly intervalSeconds: number;
  /** Of one request. */
  readonly timeoutMilliseconds: number;
}

/** What a mirror is opened with besides its settings. */
export interface MirrorSurroundings {
  readonly log: SealedLog;
  readonly progressPath: string;
  readonly credentials: () => S3Credentials;
  readonly onChange: (status: HolderStatus) => void;
  /** Unix milliseconds. */
  readonly nowMs: () => number;
  readonly monotonicMs: () => number;
}

/** A mirror with connections of its own. */
export interface OpenMirror {
  readonly mirror: Mirror;
  /** Cuts off what is under way. */
  readonly close: () => Promise<void>;
}

/** Rejects with a sentence when the package that signs is not installed, or when `authority` holds no certificate. */
export async function openMirror(
  settings: MirrorSettings,
  surroundings: MirrorSurroundings,
): Promise<OpenMirror> {
  const { endpoint, bucket, prefix } = settings;
  const peer = new HttpPeer({
    ...settings,
    url: endpoint,
    maxAnswerBytes: MAX_BUNDLE_BYTES,
    maxConnections: UPLOADS_AT_ONCE,
  });
  const client = new S3Client({ ...settings, ...surroundings, peer, Signer: await loadSigner() });
  const address = `${endpoint.host}/${bucket}/${prefix}`;
  const mirror = new Mirror({ ...surroundings, ...settings, client, address });
  return {
    mirror,
    close: async () => {
      peer.close();
      await mirror.stop();
    },
  };
}
