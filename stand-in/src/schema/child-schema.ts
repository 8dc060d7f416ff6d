import type { ObjectSchema } from '../objects.ts'

export const additionalOf = (schema: ObjectSchema): ObjectSchema | undefined =>
  typeof schema.additionalProperties === 'object' ? schema.additionalProperties : undefined

/** @returns the schema of a field: the declared one, else that of every further field */
export const childOf = (schema: ObjectSchema | undefined, key: string): ObjectSchema | undefined =>
  schema ? (schema.properties?.[key] ?? additionalOf(schema)) : undefined
