/** One listener at addresses of both families: a request, and a health question, to either. */
import { request } from 'node:http';
import { readFileSync } from 'node:fs';
import type { ConfigurationDocument } from '../../../tools/local-federation/configuration.js';
import { sendHttp1 } from '../support/http1-client.js';
import { sendHttp2 } from '../support/http2-client.js';
import { PROTOCOLS } from '../support/outgoing.js';
import { telemetry } from '../support/requests.js';
import type { Stage } from '../support/stage.js';
import { worldOf } from '../support/world.js';

const ADDRESSES = ['127.0.0.1', '::1'];

/** For `patchConfiguration`. */
export function atBothFamilies(document: ConfigurationDocument): ConfigurationDocument {
  const { envoy } = document;
  if (envoy?.health === undefined) throw new Error('the local federation has both listeners');
  const listener = { ...envoy.listener, address: ADDRESSES };
  return { ...document, envoy: { ...envoy, listener, health: { ...envoy.health, address: ADDRESSES } } };
}

/** On the stage of the calling file. */
export function describeAddresses(stage: () => Stage): void {
  describe.each(ADDRESSES)('at %s', (address) => {
    test.each(PROTOCOLS)('a signed request over %s is let through', async (protocol) => {
      const outgoing = telemetry({ by: worldOf(stage().federation.credentials).a });
      const door = { ...stage().door, address };
      const seen = await stage().watch(() =>
        protocol === 'HTTP/1.1' ? sendHttp1(door, outgoing) : sendHttp2(door, outgoing),
      );
      expect([seen.answer.status, seen.records.map(({ code }) => code), seen.arrivals.length]).toEqual([
        202,
        ['allow'],
        1,
      ]);
    });

    test('the health listener answers', async () => {
      const ports = readFileSync(stage().federation.layout.portsFile, 'utf8');
      const { envoyHealth } = JSON.parse(ports) as { envoyHealth: number };
      const status = await new Promise((resolve, reject) => {
        request({ host: address, port: envoyHealth, path: '/healthz', agent: false }, (response) => {
          response.resume();
          resolve(response.statusCode);
        })
          .on('error', reject)
          .end();
      });
      expect(status).toBe(200);
    });
  });
}
