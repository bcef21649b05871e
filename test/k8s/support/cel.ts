/** Parts of a pod as CEL writes them in a MutatingAdmissionPolicy: `Object.spec.volumes{name: "tls"}`. */

/** An object of the site's, which bears the name of the instance: `countersign-tls` becomes `orders-countersign-tls`. */
const OBJECT_KEYS = ['name', 'secretName'];
/** Their keys are no fields that Kubernetes knows. */
const MAPS = ['requests', 'limits'];

/** The expression for `value`, which stands at `type`, such as `Object.spec.volumes`. */
export function celOf(value: unknown, type: string, indent = ''): string {
  if (Array.isArray(value)) return list(value, type, indent);
  if (typeof value === 'object' && value !== null) return record(value, type, indent);
  return JSON.stringify(value);
}

function list(values: readonly unknown[], type: string, indent: string): string {
  if (values.every((value) => typeof value !== 'object'))
    return `[${values.map((each) => celOf(each, type)).join(', ')}]`;
  const deeper = `${indent}  `;
  const lines = values.map((each) => `${deeper}${celOf(each, type, deeper)}`);
  return `[\n${lines.join(',\n')}\n${indent}]`;
}

function record(value: object, type: string, indent: string): string {
  const isMap = MAPS.includes(type.split('.').at(-1)!);
  const deeper = `${indent}  `;
  const fields = Object.entries(value).map(([key, each]) => {
    const written = isObjectName(key, each)
      ? `variables.instance + ${JSON.stringify(`-${each as string}`)}`
      : celOf(each, `${type}.${key}`, deeper);
    return `${isMap ? JSON.stringify(key) : key}: ${written}`;
  });
  const oneLine = `${isMap ? '' : type}{${fields.join(', ')}}`;
  if (!oneLine.includes('\n') && indent.length + oneLine.length <= 120) return oneLine;
  return `${isMap ? '' : type}{\n${fields.map((field) => `${deeper}${field}`).join(',\n')}\n${indent}}`;
}

function isObjectName(key: string, value: unknown): boolean {
  return OBJECT_KEYS.includes(key) && typeof value === 'string' && value.startsWith('countersign-');
}
