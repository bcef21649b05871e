/** `node main.js DIRECTORY APPLICATION_PORT LISTING_PORT`: runs the reference upstream until SIGTERM or SIGINT. */
import { startReferenceUpstream } from './server.js';

/** How long requests under way may take to end. */
const CLOSE_MILLISECONDS = 3_000;

const PORT = /^[0-9]{1,5}$/;

async function main([directory, applicationPort, listingPort]: readonly string[]): Promise<void> {
  if (directory === undefined || !PORT.test(applicationPort ?? '') || !PORT.test(listingPort ?? '')) {
    throw new Error('usage: main.js DIRECTORY APPLICATION_PORT LISTING_PORT');
  }
  const upstream = await startReferenceUpstream({
    directory,
    applicationPort: Number(applicationPort),
    listingPort: Number(listingPort),
  });
  process.stdout.write(`application on ${upstream.applicationPort}, listings on ${upstream.listingPort}\n`);
  const stop = (): void => {
    setTimeout(() => process.exit(0), CLOSE_MILLISECONDS).unref();
    void upstream.close().then(() => process.exit(0));
  };
  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);
}

// Its output is for people, and nobody may read it any more.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);
await main(process.argv.slice(2)).catch((error: unknown) => {
  process.stderr.write(`reference upstream: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
