import { parse, stringify } from 'yaml'
import { nodeApplication } from './support/application.ts'
import { readByCommand, tryConfiguration } from './support/configuration.ts'

const version = '0.4.21'
const packages = [
  `@backstage/plugin-auth-backend-module-oidc-provider@${version}`,
  '@backstage/plugin-auth-backend@0.31.0',
  '@backstage/config-loader@1.11.5',
]
const env = {
  SESSION_SECRET: 'x',
  OIDC_CLIENT_ID: 'backstage.backstage',
  OIDC_CLIENT_SECRET: 'y',
  OIDC_DISCOVERY_URL: 'https://login.example.com/.well-known/openid-configuration',
}

tryConfiguration({
  page: 'backstage',
  name: 'Backstage, by its config-loader and the schema of its OIDC provider',
  version,
  prepare: () => nodeApplication('backstage', packages, 'read.mjs'),
  block: 'appConfig:',
  read(text, { args = [], ...node }) {
    const values = parse(text) as { backstage: { appConfig: unknown } }
    const config = stringify(values.backstage.appConfig)
    return readByCommand(config, 'app-config.yaml', (path) => ({ ...node, env, args: [...args, path] }))
  },
  taken: 'taken, with backstage.backstage at https://login.example.com/.well-known/openid-configuration',
  mistake: { right: 'clientId:', wrong: 'clientID:', said: "must have required property 'clientId'" },
})
