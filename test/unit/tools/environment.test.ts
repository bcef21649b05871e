import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ensureCertificates } from '../../../tools/local-federation/certificates.js';
import {
  ENVIRONMENT_NAMES,
  environmentText,
  federationEnvironment,
  parseEnvironment,
  type FederationEnvironment,
} from '../../../tools/local-federation/environment.js';
import { repositoryRoot } from '../../../tools/local-federation/layout.js';
import { ensureSigningKeys } from '../../../tools/local-federation/signing-keys.js';
import { temporaryPlace } from './temporary-place.js';

const PORTS = { listener: 1, envoyHealth: 2, envoyAdmin: 3, verifierAdmin: 4, application: 5, listing: 6 };

const namesIn = (text: string): string[] =>
  text
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => line.slice(0, line.indexOf('=')));

describe('the environment file of the local federation', () => {
  const place = temporaryPlace();

  async function environment(): Promise<FederationEnvironment> {
    const layout = place();
    const certificates = await ensureCertificates(layout, ['a', 'b'], new Date());
    const keys = ensureSigningKeys(layout, ['a', 'b']);
    return federationEnvironment({
      layout,
      certificates,
      keys,
      ports: PORTS,
      upstreamUrl: 'http://127.0.0.1:6',
    });
  }

  it('has exactly the names of the tracked template, in its order', async () => {
    const template = join(repositoryRoot(), 'docs/examples/countersign_local_federation.env.dummy');
    expect(namesIn(readFileSync(template, 'utf8'))).toEqual(namesIn(environmentText(await environment())));
  });

  it('is plain NAME=value lines, one for each name, without comments', async () => {
    const lines = environmentText(await environment())
      .trimEnd()
      .split('\n');
    expect(lines).toHaveLength(ENVIRONMENT_NAMES.length);
    for (const line of lines) expect(line).toMatch(/^[A-Z0-9_]+=[^\s'$`\\#]+$/);
  });

  it('names files by paths that lead there from the repository', async () => {
    const values = await environment();
    for (const name of ENVIRONMENT_NAMES.filter((one) => /CERT_FILE|_KEY_FILE|CA_FILE/.test(one))) {
      expect(readFileSync(`${repositoryRoot()}/${values[name]}`, 'utf8')).toContain('-----BEGIN');
    }
  });

  it('has a feedback keyring of one line that maps a kid to 32 bytes', async () => {
    const keyring = JSON.parse((await environment()).COUNTERSIGN_FEEDBACK_KEYRING_JSON) as Record<
      string,
      string
    >;
    expect(Object.values(keyring).map((key) => Buffer.from(key, 'base64').length)).toEqual([32]);
  });

  it('is read back as it was written', async () => {
    const values = await environment();
    expect(parseEnvironment(environmentText(values))).toEqual(values);
  });

  it('is not taken when a name is missing', () => {
    expect(parseEnvironment('COUNTERSIGN_URL=https://localhost:8443\n')).toBeUndefined();
  });
});
