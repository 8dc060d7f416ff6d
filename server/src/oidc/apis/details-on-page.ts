// Describes authorization details and scopes of APIs on a page.
import type { AuthorizationDetailsType } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { detailLists } from '@nauthera/rules/authorization-details'
import type { DetailList } from '@nauthera/rules/authorization-details'
import { isOneOf } from '@nauthera/runtime/json'
import { nameOfApi } from '../../clients/api-names.ts'
import type { DetailOnPage, DetailRow, OwnText, ScopeOnPage } from '../../reply/on-page.ts'
import type { Apis } from './apis.ts'
import { valuesOf } from './detail-type.ts'
import type { Detail, DetailValue } from './detail-type.ts'

/** Describes a scope in the texts of its API. */
export function apiScopeOnPage(scope: string, identifier: string, apis: Apis): ScopeOnPage {
  const config = apis.findApi(identifier)?.config
  const texts = (config?.resourceServer?.scopeTexts ?? []).filter((one) => one.scope === scope)
  const said = (part: 'title' | 'description') => {
    const by = texts.flatMap(({ language, [part]: words }) => (words === '' ? [] : [[language, words] as const]))
    if (by.length === 0) return undefined
    return { text: by.find(([language]) => language === 'en')?.[1] ?? by[0]![1], by: Object.fromEntries(by) }
  }
  const [title, description] = [said('title'), said('description')]
  return {
    scope,
    api: config?.clientName || nameOfApi(identifier),
    ...(title ? { title } : {}),
    ...(title && description ? { description } : {}),
  }
}

/** The texts of an API for the fields of one type. */
type Words = (name: string, otherwise?: string) => OwnText

/** Describes one of the authorization details (RFC 9396) in the texts of its API. A field without a text is shown as it is. */
export function detailOnPage({ api, detail }: { api: string; detail: Detail }, apis: Apis): DetailOnPage {
  const config = apis.findApi(api)?.config
  const declared = config?.resourceServer?.authorizationDetails.find(({ type }) => type === detail.type)
  const words = wordsOf(declared)
  return {
    api: config?.clientName || nameOfApi(api),
    title: words(detail.type, declared?.title),
    eachTime: declared?.remember !== true,
    rows: (valuesOf(detail) ?? []).map((value) => rowOf(value, words)),
  }
}

function rowOf({ name, value }: DetailValue, words: Words): DetailRow {
  const isList = isOfList(name)
  const values: readonly unknown[] = Array.isArray(value) ? value : [value]
  return {
    label: isList || name === 'identifier' ? name : words(name),
    // texts of the API apply only to its declared fields; a text of the application is shown as it is
    values: values.map((one) =>
      typeof one === 'boolean' ? one : isList && name !== 'locations' ? words(String(one)) : { text: String(one) },
    ),
  }
}

const isOfList = (name: string): name is DetailList => isOneOf(detailLists, name)

function wordsOf(declared: AuthorizationDetailsType | undefined): Words {
  return (name, otherwise = name) => {
    const by = (declared?.texts ?? []).flatMap(({ language, words }) => {
      const word = words.find((one) => one.name === name)
      return word ? [[language, word.text] as const] : []
    })
    const english = by.find(([language]) => language === 'en')?.[1]
    return { text: english ?? otherwise, ...(by.length > 0 ? { by: Object.fromEntries(by) } : {}) }
  }
}
