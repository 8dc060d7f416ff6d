import type { JsonSchema } from '../objects.ts'

export const additionalOf = (schema: JsonSchema): JsonSchema | undefined =>
  typeof schema.additionalProperties === 'object' ? schema.additionalProperties : undefined

/** @returns the schema of a field: the declared one, else that of every further field */
export const childOf = (schema: JsonSchema | undefined, key: string): JsonSchema | undefined =>
  schema ? (schema.properties?.[key] ?? additionalOf(schema)) : undefined
