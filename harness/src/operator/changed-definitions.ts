// The definitions of the chart, with that of OIDCClient as an earlier or later release has it.
import { readDefinitions } from '@nauthera/stand-in/manifests'
import type { KubeObject, ObjectSchema } from '@nauthera/stand-in/objects'

/** @param edit gets the fields of the spec of its only version */
export const changedDefinitions = (edit: (fields: Record<string, ObjectSchema>) => void): readonly KubeObject[] =>
  readDefinitions().map((definition) => {
    if (definition.metadata.name === 'oidcclients.auth.nauthera.io') edit(fieldsOfSpec(definition))
    return definition
  })

function fieldsOfSpec(definition: KubeObject): Record<string, ObjectSchema> {
  const { versions } = definition['spec'] as { versions: { schema: { openAPIV3Schema: ObjectSchema } }[] }
  return versions[0]!.schema.openAPIV3Schema.properties!['spec']!.properties!
}
