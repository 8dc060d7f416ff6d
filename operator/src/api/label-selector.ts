// Schema of a Kubernetes label selector.
import { list, mapOf, object, oneOf, text } from './schema.ts'
import type { TypeOf } from './schema.ts'

export const labelSelector = (description: string) =>
  object(
    description,
    {},
    {
      matchLabels: mapOf('Labels that must be there.', text('Value.', { maxLength: 63 }), { maxProperties: 20 }),
      matchExpressions: list(
        'Requirements; all must be met.',
        object(
          'A requirement.',
          {
            key: text('Label.', { maxLength: 317 }),
            operator: oneOf('Operator.', ['In', 'NotIn', 'Exists', 'DoesNotExist']),
          },
          { values: list('Values.', text('Value.', { maxLength: 63 }), { maxItems: 50 }) },
        ),
        { maxItems: 20 },
      ),
    },
  )

export type LabelSelector = TypeOf<ReturnType<typeof labelSelector>>
