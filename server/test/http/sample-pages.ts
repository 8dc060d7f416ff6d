import type { Page } from '../../src/reply.ts'
import type { EndingOnPage } from '../../src/reply/on-page.ts'
import { sampleAccountPages } from './sample-account-pages.ts'
import { sampleAdminPages } from './sample-admin-pages.ts'
import { sampleSignInPages } from './sample-sign-in-pages.ts'
import { sampleClient, plainClient, person, endings } from './sample-subjects.ts'
import { variantsOf } from './sample-variants.ts'

const sessionEndings: readonly EndingOnPage[] = [
  ...endings,
  { name: 'Mail archive', minutes: 5, told: true, stays: true },
]

const sampleLogout = variantsOf('logout', {
  client: sampleClient,
  action: '/logout/confirm',
  fields: { xsrf: 'x1' },
  person,
})

/** Every view, in each state that looks different. */
export const samplePages: Readonly<Record<string, Page>> = {
  ...sampleSignInPages,
  logout: sampleLogout({ endings: sessionEndings }),
  'logout of somebody from another service': sampleLogout({
    elsewhere: { name: 'Example Corporation', url: 'https://corp.example.com/logout' },
  }),
  'signed-out': {
    kind: 'page',
    view: 'signed-out',
    model: { client: sampleClient, stillSignedIn: false, endings: sessionEndings },
  },
  'signed-out of nothing': { kind: 'page', view: 'signed-out', model: { stillSignedIn: false } },
  'signed-out, and no way back': {
    kind: 'page',
    view: 'signed-out',
    model: {
      client: sampleClient,
      stillSignedIn: false,
      unlisted: { shown: 'https://shop.example.com/oauth2callback' },
    },
  },
  'still signed in': {
    kind: 'page',
    view: 'signed-out',
    model: { client: sampleClient, stillSignedIn: true },
  },
  'error of the person': {
    kind: 'page',
    view: 'error',
    status: 400,
    model: { key: 'interaction-expired', code: 'INTERACTION_EXPIRED', client: sampleClient },
  },
  'error of the world': {
    kind: 'page',
    view: 'error',
    status: 503,
    model: { key: 'unavailable', code: 'STORE_UNAVAILABLE', retryUrl: '/interaction/u1' },
  },
  'error when there were too many': {
    kind: 'page',
    view: 'error',
    status: 429,
    retryAfter: 37,
    model: { key: 'too-many-pages', code: 'TOO_MANY_PAGES', values: { seconds: 37 }, retryUrl: '/account/sessions' },
  },
  'error of the client': {
    kind: 'page',
    view: 'error',
    status: 400,
    model: {
      key: 'invalid_redirect_uri',
      code: 'invalid_redirect_uri',
      client: plainClient,
      detail:
        'redirect_uri\n  got        https://expenses.example.com/other\n  registered https://expenses.example.com/callback',
    },
  },
  'error without words of its own': {
    kind: 'page',
    view: 'error',
    status: 400,
    model: { key: 'unmet_authentication_requirements', code: 'unmet_authentication_requirements' },
  },
  'error with the reason of the protocol': {
    kind: 'page',
    view: 'error',
    status: 400,
    model: {
      key: 'invalid_request',
      code: 'invalid_request',
      client: plainClient,
      description: "missing required parameter(s) 'response_type'",
    },
  },
  home: {
    kind: 'page',
    view: 'home',
    model: {
      issuer: 'https://login.example.com',
      discovery: '/.well-known/openid-configuration',
      account: '/account',
    },
  },
  ...sampleAccountPages,
  ...sampleAdminPages,
  'wrong host': {
    kind: 'page',
    view: 'error',
    status: 421,
    model: {
      key: 'wrong-host',
      code: 'HOST_UNKNOWN',
      values: { issuer: 'https://login.example.com' },
      goTo: 'https://login.example.com',
    },
  },
}
