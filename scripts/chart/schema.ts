import type { Value } from './values.ts'

/** The part of JSON Schema draft-07 that values.schema.json needs. */
export interface ValuesSchema {
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
  items?: ValuesSchema
  oneOf?: ValuesSchema[]
  properties?: Record<string, ValuesSchema>
  patternProperties?: Record<string, ValuesSchema>
  additionalProperties?: boolean | ValuesSchema
  propertyNames?: ValuesSchema
  required?: string[]
  allOf?: ValuesSchema[]
  anyOf?: ValuesSchema[]
  maxProperties?: number
  const?: Value
  not?: ValuesSchema
  definitions?: Record<string, ValuesSchema>
  default?: unknown
  [extension: `x-kubernetes-${string}`]: unknown
}

export const ref = (name: string): ValuesSchema => ({ $ref: `#/definitions/${name}` })
export const oneOf = (...values: string[]): ValuesSchema => ({ type: 'string', enum: values })
export const orEmpty = (...values: string[]): ValuesSchema => ({ type: 'string', enum: ['', ...values] })
export const orNull = (schema: ValuesSchema): ValuesSchema => ({ anyOf: [schema, { type: 'null' }] })
export const listOf = (items: ValuesSchema): ValuesSchema => ({ type: 'array', items })
export const pattern = (text: string, maxLength?: number): ValuesSchema => ({
  type: 'string',
  pattern: text,
  ...(maxLength === undefined ? {} : { maxLength }),
})
