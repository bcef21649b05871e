/**
 * The Envoy files of the base are what our own command renders from the configuration beside them.
 * `UPDATE=1 npm run -s jest -- test/k8s/envoy-files.test.ts` writes them anew.
 */
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runInCell, type Ended, type Mount } from '../container/support/cell.js';
import { layCountersign, layEnvoy, type CellImage } from './support/images.js';
import { makeSite, type Site } from './support/site.js';
import { layVolume, type Objects } from './support/volumes.js';

const FILES = ['envoy.yaml', 'sds-server.yaml', 'sds-client-ca.yaml'] as const;
const GROUP = 65532;
const configurations = [
  ['base', 'k8s/base/config/countersign.yaml'],
  ['overlay replicated', 'k8s/overlays/replicated/config/countersign.yaml'],
] as const;

describe('the Envoy files of k8s/base', () => {
  let place: string;
  let countersign: CellImage;
  let envoy: CellImage;
  let site: Site;

  beforeAll(() => {
    place = mkdtempSync(join(tmpdir(), 'cs-k8s-'));
    countersign = layCountersign(place);
    envoy = layEnvoy(place);
    site = makeSite(join(place, 'site'));
  }, 120_000);

  afterAll(() => rmSync(place, { recursive: true, force: true }));

  /** Renders into a folder of its own, in a cell that has the files of the verifier's container. */
  function render(title: string, configuration: string): { rendered: string; ended: Ended } {
    const own = join(place, title.replaceAll(' ', '-'));
    const rendered = join(own, 'envoy');
    mkdirSync(rendered, { recursive: true });
    chmodSync(rendered, 0o777);
    const objects: Objects = new Map(site.objects);
    objects.set('ConfigMap/own', new Map([['countersign.yaml', readFileSync(configuration, 'utf8')]]));
    objects.set('Secret/redis', new Map([['password', 'not the one\n']]));
    const mounts: Mount[] = [
      ...countersign.mounts,
      volume(own, 'config', ['ConfigMap/own', 'ConfigMap/countersign-identities'], objects),
      volume(own, 'tls', ['Secret/countersign-tls', 'ConfigMap/countersign-client-ca'], objects),
      volume(own, 'feedback-keys', ['Secret/countersign-feedback-keys'], objects),
      volume(own, 'redis', ['Secret/redis'], objects),
      { source: rendered, target: '/etc/countersign/envoy', readOnly: false },
    ];
    const parameters = ['envoy-config', '/etc/countersign/config/countersign.yaml'];
    const ended = runInCell({
      ...{ root: countersign.root, mounts, user: 65532, group: GROUP },
      command: [...countersign.entrypoint, ...parameters, '--out', '/etc/countersign/envoy/envoy.yaml'],
    });
    return { rendered, ended };
  }

  it.each(configurations)('are what the configuration of the %s renders to', (title, configuration) => {
    const { rendered, ended } = render(title, configuration);
    expect(ended).toEqual({ code: 0, output: '' });
    if (process.env['UPDATE'] === '1' && title === 'base')
      for (const file of FILES) copyFileSync(join(rendered, file), join('k8s/base/envoy', file));
    const texts = (folder: string) => FILES.map((file) => readFileSync(join(folder, file), 'utf8'));
    expect(texts(rendered)).toEqual(texts('k8s/base/envoy'));
  });

  it('are accepted by Envoy', () => {
    const mounts = [
      { source: join(process.cwd(), 'k8s/base/envoy'), target: '/etc/countersign/envoy', readOnly: true },
      volume(
        join(place, 'v'),
        'tls',
        ['Secret/countersign-tls', 'ConfigMap/countersign-client-ca'],
        site.objects,
      ),
    ];
    const file = '/etc/countersign/envoy/envoy.yaml';
    const command = [...envoy.entrypoint, '--mode', 'validate', '-l', 'warning', '-c', file];
    const { code, output } = runInCell({ root: envoy.root, mounts, user: 65533, group: GROUP, command });
    expect({ code, output }).toEqual({
      code: 0,
      output: expect.stringMatching(/^configuration .* OK\n$/) as string,
    });
  });
});

function volume(place: string, name: string, sources: readonly string[], objects: Objects): Mount {
  const folder = join(place, name);
  mkdirSync(folder, { recursive: true });
  const projected = {
    defaultMode: 0o440,
    sources: sources.map((each) => {
      const [kind = '', object = ''] = each.split('/');
      return kind === 'Secret' ? { secret: { name: object } } : { configMap: { name: object } };
    }),
  };
  layVolume(folder, { name, projected }, objects, GROUP);
  return { source: folder, target: `/etc/countersign/${name}`, readOnly: true };
}
