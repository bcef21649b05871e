/**
 * The Envoy files of the base are what our own command renders from the configuration beside them.
 * `UPDATE=1 npm run -s jest -- test/k8s/envoy-files.test.ts` writes them anew.
 */
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, chmodSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runInCell, type CellOptions, type Ended } from '../container/support/cell.js';
import { containerCell, layVolumes } from './support/container-cell.js';
import { layCountersign, layEnvoy, type CellImage } from './support/images.js';
import {
  containersOf,
  find,
  manifestsOf,
  OVERLAYS,
  renderOverlay,
  type Overlay,
} from './support/manifests.js';
import { makeSite, type Site } from './support/site.js';
import { objectsOf } from './support/volumes.js';

const FILES = ['envoy.yaml', 'sds-server.yaml', 'sds-client-ca.yaml'] as const;
const BASE = 'k8s/base/envoy';

describe('the Envoy files of k8s/base', () => {
  let place: string;
  let countersign: CellImage;
  let envoy: CellImage;
  let site: Site;

  beforeAll(async () => {
    place = mkdtempSync(join(tmpdir(), 'cs-k8s-'));
    countersign = layCountersign(place);
    envoy = layEnvoy(place);
    site = await makeSite(join(place, 'site'));
  }, 120_000);

  afterAll(() => rmSync(place, { recursive: true, force: true }));

  /** The cell of that container of the overlay's pod, for another command than its own. */
  function cell(overlay: Overlay, name: string, image: CellImage, command: readonly string[]): CellOptions {
    const manifests = manifestsOf(renderOverlay(overlay));
    const spec = find(manifests, 'Deployment', 'countersign').spec!.template!.spec;
    const objects = new Map([...objectsOf(manifests), ...site.objects]);
    const volumes = { spec, objects, place: join(place, overlay, name) };
    layVolumes(volumes);
    const container = containersOf(spec).find((each) => each.name === name)!;
    return containerCell(volumes, container, image, [...image.entrypoint, ...command]);
  }

  /** Renders from what the verifier's container sees, and nothing else. */
  function render(overlay: Overlay): { rendered: string; ended: Ended } {
    const rendered = join(place, overlay, 'rendered');
    mkdirSync(rendered, { recursive: true });
    chmodSync(rendered, 0o777);
    const target = '/etc/countersign/envoy';
    const command = [
      'envoy-config',
      '/etc/countersign/config/countersign.yaml',
      '--out',
      `${target}/envoy.yaml`,
    ];
    const verifier = cell(overlay, 'verifier', countersign, command);
    const mounts = [...verifier.mounts, { source: rendered, target, readOnly: false }];
    return { rendered, ended: runInCell({ ...verifier, mounts }) };
  }

  it.each(OVERLAYS)(
    'are what the configuration of the overlay %s renders to (`UPDATE=1 npm run -s jest -- test/k8s/envoy-files` writes them)',
    (overlay) => {
      const { rendered, ended } = render(overlay);
      expect(ended).toEqual({ code: 0, output: '' });
      if (process.env['UPDATE'] === '1')
        for (const file of FILES) copyFileSync(join(rendered, file), join(BASE, file));
      const texts = (folder: string) => FILES.map((file) => readFileSync(join(folder, file), 'utf8'));
      expect(texts(rendered)).toEqual(texts(BASE));
    },
  );

  it.each(OVERLAYS)('are accepted by the Envoy of the overlay %s', (overlay) => {
    const command = ['--mode', 'validate', '-l', 'warning', '-c', '/etc/countersign/envoy/envoy.yaml'];
    const { code, output } = runInCell(cell(overlay, 'envoy', envoy, command));
    expect({ code, output }).toEqual({
      code: 0,
      output: expect.stringMatching(/^configuration .* OK\n$/) as string,
    });
  });
});
