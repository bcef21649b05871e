import { sarifReport } from '../../../src/doctor/report/sarif.js';
import { textReport } from '../../../src/doctor/report/text.js';
import { RULES } from '../../../src/doctor/rules/rules.js';
import { verdictOn } from '../../doctor/support/judged.js';

const HOSTILE = 'a\u001b[2J\nerror CSD101';
const document = {
  static_resources: {
    clusters: [{ name: 'verifier' }],
    listeners: [
      {
        name: HOSTILE,
        filter_chains: [
          {
            filters: [
              {
                typed_config: {
                  '@type':
                    't/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager',
                  http_filters: [
                    {
                      name: HOSTILE,
                      typed_config: {
                        '@type': 't/envoy.extensions.filters.http.ext_authz.v3.ExtAuthz',
                        failure_mode_allow: true,
                        grpc_service: { envoy_grpc: { cluster_name: 'verifier' } },
                      },
                    },
                  ],
                },
              },
            ],
          },
        ],
      },
    ],
  },
};

interface Sarif {
  version: string;
  $schema: string;
  runs: {
    tool: { driver: { name: string; semanticVersion: string; rules: { id: string }[] } };
    results: {
      ruleId: string;
      ruleIndex: number;
      level: string;
      message: { text: string };
      locations: { physicalLocation: { artifactLocation: { uri: string }; region: { startLine: number } } }[];
    }[];
  }[];
}

describe('the SARIF of a verdict', () => {
  const verdict = verdictOn(document);
  const log = JSON.parse(
    JSON.stringify(sarifReport({ source: '/a dir/dump#1.json', version: '1.2.3' }, verdict)),
  ) as Sarif;

  it('has what SARIF 2.1.0 demands, sections 3.13 to 3.27', () => {
    expect(log).toMatchObject({ version: '2.1.0', $schema: expect.stringMatching(/^https:/) as string });
    expect(Object.keys(log).sort()).toEqual(['$schema', 'runs', 'version']);
    const [run] = log.runs;
    expect(run!.tool.driver.rules.map(({ id }) => id)).toEqual(RULES.map(({ id }) => id));
    expect(run!.results).toHaveLength(verdict.findings.length);
    for (const { ruleId, ruleIndex, level, message, locations } of run!.results) {
      expect(run!.tool.driver.rules[ruleIndex]!.id).toBe(ruleId);
      expect(['error', 'warning', 'note']).toContain(level);
      expect(message.text).not.toBe('');
      expect(locations[0]!.physicalLocation.region.startLine).toBe(1);
    }
  });

  it('names the file as a URI reference', () => {
    const { uri } = log.runs[0]!.results[0]!.locations[0]!.physicalLocation.artifactLocation;
    expect(new URL(uri, 'file:///').pathname).toBe('/a%20dir/dump%231.json');
  });
});

describe('the text of a verdict', () => {
  const text = textReport('dump', verdictOn(document));

  it('lets no name in the document write a line or a control', () => {
    const lines = text.split('\n');
    expect(lines.filter((line) => line.startsWith('error CSD101'))).toHaveLength(1);
    expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f]/);
  });

  it('ends with the counts', () => {
    expect(text).toMatch(/\ndump: [0-9]+ errors, [0-9]+ warnings, [0-9]+ notes\n$/);
  });

  it('says how many places it leaves out', () => {
    expect(textReport('dump', { findings: [], leftOut: 3 })).toContain('and 3 more places');
  });
});
