import { jsonSchema } from '../harness';

/** `privstack schema`: the JSON Schema of a spec. */
export function schema(): void {
  process.stdout.write(`${JSON.stringify(jsonSchema(), null, 2)}\n`);
}
