import type { Value } from './values.ts'

/** The part of JSON Schema draft-07 that values.schema.json needs. */
export interface Schema {
  $schema?: string
  $ref?: string
  title?: string
  description?: string
  type?: string | string[]
  enum?: readonly (string | null)[]
  pattern?: string
  minimum?: number
  maximum?: number
  minLength?: number
  maxLength?: number
  minItems?: number
  uniqueItems?: boolean
  items?: Schema
  oneOf?: Schema[]
  properties?: Record<string, Schema>
  patternProperties?: Record<string, Schema>
  additionalProperties?: boolean | Schema
  propertyNames?: Schema
  required?: string[]
  allOf?: Schema[]
  anyOf?: Schema[]
  maxProperties?: number
  const?: Value
  not?: Schema
  definitions?: Record<string, Schema>
  default?: unknown
  [extension: `x-kubernetes-${string}`]: unknown
}

export const ref = (name: string): Schema => ({ $ref: `#/definitions/${name}` })
export const oneOf = (...values: string[]): Schema => ({ type: 'string', enum: values })
export const orEmpty = (...values: string[]): Schema => ({ type: 'string', enum: ['', ...values] })
export const orNull = (schema: Schema): Schema => ({ anyOf: [schema, { type: 'null' }] })
export const listOf = (items: Schema): Schema => ({ type: 'array', items })
export const pattern = (text: string, maxLength?: number): Schema => ({
  type: 'string',
  pattern: text,
  ...(maxLength === undefined ? {} : { maxLength }),
})
