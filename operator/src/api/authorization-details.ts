// Schema of the authorization details that an API declares (RFC 9396).
import {
  commonDetailFields,
  declarationLimits as most,
  detailFieldPattern,
  detailKinds,
  detailWordPattern,
  unusableDetailField,
} from '@nauthera/rules/authorization-details'
import { languageName, notPlain } from './field-kinds.ts'
import { patterns } from './patterns.ts'
import { celMatches } from './cel-text.ts'
import { everyMatches, matchesRule } from './rule-kinds.ts'
import { flag, mapList, mapOf, object, oneOf, set, text } from './schema.ts'

const word = 'without space, " or \\'

export const detailTypeName = (description: string) =>
  text(description, { maxLength: 128, rules: [matchesRule(detailWordPattern, `must be a word ${word}`)] })

const values = (description: string) =>
  set(description, text('Value.', { maxLength: most.word }), {
    maxItems: most.values,
    minItems: 1,
    rules: [everyMatches(detailWordPattern, `must have values ${word}`)],
  })

const plainWords = [matchesRule(patterns.plainText, notPlain)]

/** CEL: whether a detail of the type may have the field. */
const knows = (name: string) =>
  `(${name} == 'locations' || (${name} == 'actions' && has(self.actions)) || (${name} == 'datatypes' && has(self.datatypes)) || (${name} == 'privileges' && has(self.privileges)) || (${name} == 'identifier' && has(self.identifier) && self.identifier) || (has(self.fields) && self.fields.exists(f, f.name == ${name})))`

export const authorizationDetailsType = object(
  'One type. What is not declared here may not stand in a request: the server shows people all that it lets through.',
  {
    type: detailTypeName('Name of the type, such as payment_initiation. Everybody can read it: discovery lists it.'),
    title: text(
      'What it lets an application do, in English, for the person who is asked: Make a payment from your account.',
      {
        maxLength: most.text,
        minLength: 1,
        rules: plainWords,
      },
    ),
  },
  {
    actions: values('Values that actions may have. Left out: there are no actions.'),
    datatypes: values('Values that datatypes may have. Left out: there are none.'),
    privileges: values('Values that privileges may have. Left out: there are none.'),
    locations: set(
      'Addresses that locations may have, besides the identifier of the API.',
      text('Address.', { maxLength: 512 }),
      {
        maxItems: 10,
        minItems: 1,
        rules: [everyMatches(patterns.httpsOrUrn, 'must be https URLs or URNs')],
      },
    ),
    identifier: flag('Whether identifier may name one thing at the API, such as an account.', { default: false }),
    fields: mapList(
      'Further fields.',
      object(
        'A field.',
        {
          name: text('Name. A dot stands for a field of an object: amount.currency.', {
            maxLength: 194,
            rules: [
              matchesRule(
                detailFieldPattern,
                'must be letters, digits and _, at most three such names with dots between them, such as amount.currency',
              ),
              {
                rule: `!${celMatches('self', unusableDetailField)}`,
                message: `must be none of ${commonDetailFields.join(', ')} and constructor; choose another name`,
              },
            ],
          }),
          kind: oneOf('What it holds; Texts is a list of texts.', detailKinds),
        },
        {},
      ),
      {
        maxItems: most.fields,
        keys: ['name'],
        rules: [
          {
            rule: "self.all(one, !self.exists(other, other.name.startsWith(one.name + '.')))",
            message: 'must not have a field that is an object of others: remove amount, or remove amount.currency',
          },
        ],
      },
    ),
    required: set(
      'What must be there: names of fields, and of actions, identifier and the like.',
      text('Name.', { maxLength: 194 }),
      { maxItems: most.fields + 5 },
    ),
    remember: flag(
      'Whether a person can allow it for good. Else they are asked each time, as one must be for something that happens each time, such as a payment.',
      { default: false },
    ),
    texts: mapList(
      'How the type, its fields and its values are called on the page that asks the person, a language each. What has no text here is shown as it is.',
      object(
        'The texts of one language.',
        {
          language: languageName,
          words: mapOf(
            'From a name or a value to its text.',
            text('Text.', { maxLength: most.text, rules: plainWords }),
            { maxProperties: most.words },
          ),
        },
        {},
      ),
      { maxItems: most.languages, keys: ['language'] },
    ),
  },
  [
    {
      rule: `!has(self.required) || self.required.all(name, ${knows('name')})`,
      message: 'must have in required only what the type declares; add it to fields or to its list, or correct it',
    },
  ],
)
