/** The parts for an Envoy of one's own: whole, the same as in the bootstrap, explained line by line, and as the files in envoy/fragments. */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { parse, parseAllDocuments } from 'yaml';
import { renderBootstrap } from '../../../src/envoy-config/bootstrap.js';
import { FRAGMENT_KINDS, type FragmentKind } from '../../../src/envoy-config/fragments/kinds.js';
import { explain, explanationOf } from '../../../src/envoy-config/fragments/explain.js';
import { EXPLANATIONS, STRUCTURAL } from '../../../src/envoy-config/fragments/explanations.js';
import { fragmentsOfOptions, type FragmentText } from '../../../src/envoy-config/fragments/print.js';
import { DEFAULT_BOOTSTRAP_OPTIONS, type BootstrapOptions } from '../../../src/envoy-config/options.js';

type Json = Record<string, unknown>;

const CUT = FRAGMENT_KINDS.filter((kind) => kind !== 'secrets');
const FOLDER = 'envoy/fragments';

function texts(kinds: readonly FragmentKind[], changes: Partial<BootstrapOptions> = {}): FragmentText[] {
  return fragmentsOfOptions({ ...DEFAULT_BOOTSTRAP_OPTIONS, ...changes }, new Set(kinds), {
    as: 'parts',
    documents: 'each',
  });
}

/** One fragment as plain data. */
function fragment(
  kind: FragmentKind,
  besides: readonly FragmentKind[] = [],
  changes: Partial<BootstrapOptions> = {},
): Json {
  const { text } = texts([kind, ...besides], changes).find(({ name }) => name === `${kind}.yaml`)!;
  return parse(text) as Json;
}

interface Whole {
  readonly static_resources: { readonly listeners: Json[]; readonly clusters: { name: string }[] };
  readonly overload_manager: Json;
  readonly layered_runtime: { readonly layers: { static_layer: Json }[] };
}

const wholeWith = (changes: Partial<BootstrapOptions>): Whole =>
  parse(renderBootstrap({ ...DEFAULT_BOOTSTRAP_OPTIONS, ...changes })) as Whole;
const managerIn = ({ static_resources }: Whole) =>
  (
    static_resources.listeners[0] as {
      filter_chains: { filters: { typed_config: Json & { http_filters: Json[] } }[] }[];
    }
  ).filter_chains[0]!.filters[0]!.typed_config;
const whole = wholeWith({});

const FRONTS = (['ext_authz', 'ext_proc'] as const).map((front) => ({ front }));

describe('the files in envoy/fragments', () => {
  const files = texts(CUT);

  it.each(files.map(({ name, text }) => [name, text]))(
    '%s is what the renderer makes of the defaults (`UPDATE=1 npm run -s jest -- test/unit/envoy-config` writes it)',
    (name, text) => {
      if (process.env['UPDATE'] === '1') {
        mkdirSync(FOLDER, { recursive: true });
        writeFileSync(`${FOLDER}/${name}`, text);
      }
      expect(readFileSync(`${FOLDER}/${name}`, 'utf8')).toBe(text);
    },
  );

  it('are all that is there', () => {
    expect(readdirSync(FOLDER).sort()).toEqual(files.map(({ name }) => name).sort());
  });
});

describe.each(FRONTS)(
  'with the front $front each fragment is the same as in the whole bootstrap',
  (front) => {
    const all = wholeWith(front);
    const manager = managerIn(all);

    it('the filters, but for the router, which is yours', () => {
      expect(fragment('filters', [], front)).toEqual({ http_filters: manager.http_filters.slice(0, -1) });
      expect(manager.http_filters.at(-1)).toMatchObject({ name: 'envoy.filters.http.router' });
    });

    it('the connection manager and the routes, which are the rest of it', () => {
      const { stat_prefix, codec_type, http_filters, route_config, ...rest } = manager;
      expect([stat_prefix, codec_type, http_filters.length > 3]).toEqual(['ingress', 'AUTO', true]);
      expect({ ...fragment('connection-manager', [], front), '@type': manager['@type'] }).toEqual(rest);
      expect(fragment('routes', [], front)).toEqual({ route_config });
    });

    it('listeners, clusters and what holds for the process', () => {
      const { listeners, clusters } = all.static_resources;
      expect(fragment('listener', [], front)).toEqual({ static_resources: { listeners } });
      expect(fragment('clusters', [], front)).toEqual({ static_resources: { clusters } });
      expect(fragment('clusters', ['listener'], front)).toEqual({ static_resources: { clusters } });
      const { static_layer } = all.layered_runtime.layers[0]!;
      expect(fragment('process', [], front)).toEqual({
        overload_manager: all.overload_manager,
        layered_runtime: { layers: [{ name: 'countersign', static_layer }] },
      });
    });
  },
);

describe('clusters', () => {
  const names = (...besides: FragmentKind[]): string[] =>
    (fragment('clusters', besides) as unknown as Whole).static_resources.clusters.map(({ name }) => name);

  it.each<[FragmentKind[], string[]]>([
    [['filters'], ['verifier', 'signer']],
    [['connection-manager'], ['access-log', 'other-access-log']],
    [['routes'], ['upstream']],
    [
      ['connection-manager', 'filters'],
      ['verifier', 'signer', 'access-log', 'other-access-log'],
    ],
    [['listener'], ['verifier', 'signer', 'upstream', 'access-log', 'other-access-log', 'door']],
    [['process'], ['verifier', 'signer', 'upstream', 'access-log', 'other-access-log', 'door']],
  ])('with %j are those that these lead to', (besides, expected) => {
    expect(names(...besides)).toEqual(expected);
  });

  it.each(FRONTS)(
    'of the verifier are called by an authority that is a host, with the front $front',
    (front) => {
      for (const { name, text } of texts(CUT, front)) {
        const calls = text.match(/^ *(?:- )?(?:envoy_grpc|grpc_health_check):/gm)?.length ?? 0;
        const said = text.match(/^ *authority: countersign(?: #.*)?$/gm)?.length ?? 0;
        expect([name, said]).toEqual([name, calls]);
      }
    },
  );
});

describe('one document for what goes into one place', () => {
  const asked = (kinds: readonly FragmentKind[], as: 'parts' | 'resources') =>
    fragmentsOfOptions(DEFAULT_BOOTSTRAP_OPTIONS, new Set(kinds), { as, documents: 'one' });

  it('of a bootstrap, and of a connection manager', () => {
    const documents = asked(CUT, 'parts').map(({ text }) => Object.keys(parse(text) as Json));
    expect(documents).toHaveLength(2);
    expect(documents[0]).toEqual(expect.arrayContaining(['normalize_path', 'http_filters', 'route_config']));
    expect(documents[1]).toEqual(['static_resources', 'overload_manager', 'layered_runtime']);
  });

  it('of xDS, a document for each type, with the type on each resource', () => {
    const found = asked(['listener', 'clusters', 'routes'], 'resources').map(({ text }) => {
      const { resources } = parse(text) as { resources: Json[] };
      return [...new Set(resources.map((resource) => resource['@type']))];
    });
    expect(found).toEqual([
      ['type.googleapis.com/envoy.config.route.v3.RouteConfiguration'],
      ['type.googleapis.com/envoy.config.listener.v3.Listener'],
      ['type.googleapis.com/envoy.config.cluster.v3.Cluster'],
    ]);
    const [, listeners] = asked(['listener', 'routes'], 'resources');
    const { resources } = parse(listeners!.text) as { resources: Json[] };
    const type = 'type.googleapis.com/envoy.config.listener.v3.Listener';
    expect(resources).toEqual(whole.static_resources.listeners.map((one) => ({ '@type': type, ...one })));
  });

  it('is YAML of one document each', () => {
    for (const { text } of asked(CUT, 'parts')) expect(parseAllDocuments(text)).toHaveLength(1);
  });
});

describe('what each line is for', () => {
  /** Every path of members that nothing explains, itself or what it is in. */
  function unexplained(value: unknown, path: readonly string[] = []): string[] {
    if (Array.isArray(value)) return value.flatMap((item) => unexplained(item, path));
    if (typeof value !== 'object' || value === null) return [];
    return Object.entries(value).flatMap(([name, inner]) => {
      const own = name === 'typed_config' ? path : [...path, name];
      if (explanationOf(own) !== undefined || COMMENTED.has(name)) return [];
      const isLeaf = typeof inner !== 'object' || inner === null;
      return isLeaf && !STRUCTURAL.has(name) ? [own.join(' ')] : unexplained(inner, own);
    });
  }
  /** These have a comment in the bootstrap itself. */
  const COMMENTED = new Set(['internal_address_config', 'enable_reuse_port', 'layered_runtime']);

  it.each(CUT.flatMap((kind) => FRONTS.map((front) => ({ kind, ...front }))))(
    'is said of every line of $kind with the front $front',
    ({ kind, front }) => {
      expect(unexplained(fragment(kind, [], { front }))).toEqual([]);
    },
  );

  it('is said once in a file, and of nothing that has a comment already', () => {
    for (const { text } of texts(CUT)) {
      for (const words of EXPLANATIONS.values())
        if (words !== 'the same') expect(text.split(`# ${words}\n`).length).toBeLessThanOrEqual(2);
      expect(text).not.toMatch(/failure_mode_allow: false(?! # no verifier, no traffic| # no signature)/);
    }
  });

  it('changes nothing of the content, whatever that is', () => {
    const text = `a: 'on'\nhttp_filters: []\nmatch: {}\nroutes:\n  - match: 'x # y'\n    "12": |\n      status: #1\n`;
    expect(parse(explain(text))).toEqual(parse(text));
  });

  it('names no line that is nowhere', () => {
    const all = texts(CUT)
      .map(({ text }) => text)
      .join('');
    const secrets = ['resources', 'tls_certificate', 'validation_context', 'dns_lookup_family', 'lb_policy'];
    const unused = [...EXPLANATIONS].filter(
      ([key, words]) => !secrets.includes(key) && !all.includes(`# ${words}`),
    );
    expect(unused.map(([key]) => key)).toEqual([]);
  });
});
