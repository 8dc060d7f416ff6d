/** Files of the product without a test of their own name -> the tests that prove them; `*` is one folder, `**` with those below it. Keep it short: a new rule
 *  deserves a test beside the others, and a folder whose files all have one leaves the list. */
export const testedElsewhere: Readonly<Record<string, readonly string[]>> = {
  'rules/src/*': [
    'rules/test/check-client.test.ts',
    'operator/test/decide/metadata.test.ts',
    'server/test/http/server.integration.test.ts',
  ],
  'proto/src/*': ['config-agent/test/report/diff-shards.test.ts'],
  'proto/src/channel/*': ['proto/test/channel/channel.test.ts'],
  'runtime/src/export-traces.ts': ['runtime/test/traces.test.ts'],
  'config-agent/src/*': ['config-agent/test/app.test.ts'],
  'config-agent/src/*/*': ['config-agent/test/app.test.ts'],

  'operator/src/*': ['operator/test/reconcile.integration.test.ts', 'ci/faults/operator-process.test.ts'],
  'operator/src/app/*': ['operator/test/reconcile.integration.test.ts'],
  'operator/src/api/*': ['operator/test/api/bad-manifests.test.ts', 'operator/test/policies.integration.test.ts'],
  'operator/src/decide/**': [
    'operator/test/decide/rotation-model.test.ts',
    'operator/test/reconcile.integration.test.ts',
  ],
  'operator/src/intake/*': ['operator/test/reconcile.integration.test.ts'],
  'operator/src/keys/*': ['local/test/product/stack.integration.test.ts'],
  'operator/src/kubectl/**': [
    'operator/test/kubectl/files/render.test.ts',
    'operator/test/kubectl/clients/why.test.ts',
  ],
  'operator/src/kubernetes/*': [
    'operator/test/kubernetes/connection.integration.test.ts',
    'operator/test/rotation.integration.test.ts',
  ],
  'operator/src/replicas/*': ['operator/test/rotation.integration.test.ts'],
  'operator/src/secret/*': ['operator/test/rotation.integration.test.ts'],
  'operator/src/shards/*': ['operator/test/shards/shards.integration.test.ts'],
  'operator/src/spoke/*': ['operator/test/spoke.integration.test.ts'],
  'operator/src/status/*': ['operator/test/reconcile.integration.test.ts'],
  'operator/src/time/*': ['operator/test/rotation.integration.test.ts'],

  'server/src/*': ['server/test/process.integration.test.ts'],
  'server/src/app/*': ['server/test/process.integration.test.ts'],
  'server/src/settings/*': ['server/test/settings.test.ts'],
  'server/src/reply/*': ['server/test/http/pages/headers.test.ts'],
  'server/src/account/**': ['server/test/account/account.integration.test.ts'],
  'server/src/admin/*': ['server/test/admin/desk.integration.test.ts'],
  'server/src/cli/**': ['server/test/cli/program.integration.test.ts'],
  'server/src/clients/*': ['server/test/clients/config-service.test.ts'],
  'server/src/http/**': ['server/test/http/server.integration.test.ts', 'server/test/http/edge.integration.test.ts'],
  'server/src/login/{.,attempt,consent,proof}/*': [
    'server/test/login/routes.test.ts',
    'server/test/sign-in-in-browser.integration.test.ts',
  ],
  'server/src/login/upstream/*': [
    'server/test/login/upstream/answers.integration.test.ts',
    'server/test/login/upstream/linking.integration.test.ts',
  ],
  'server/src/mail/*': ['server/test/mail/reset.integration.test.ts', 'server/test/mail/join.integration.test.ts'],
  'server/src/oidc/*': ['server/test/oidc/authorization.integration.test.ts'],
  'server/src/oidc/artefacts/*': ['server/test/oidc/single-use.integration.test.ts'],
  'server/src/oidc/certificates/*': ['server/test/oidc/mutual-tls.integration.test.ts'],
  'server/src/oidc/{apis,authentication,clients}/*': ['server/test/oidc/swap.integration.test.ts'],
  'server/src/oidc/interaction/*': ['server/test/login/held-sign-in.integration.test.ts'],
  'server/src/oidc/keys/*': [
    'server/test/oidc/tokens.integration.test.ts',
    'server/test/cli/backup/backup.integration.test.ts',
  ],
  'server/src/oidc/lane/*': ['server/test/oidc/lane/machine-lane.integration.test.ts'],
  'server/src/oidc/library/**': ['server/test/oidc/library/overrides.integration.test.ts'],
  'server/src/store/**': [
    'server/test/store/housekeeping.integration.test.ts',
    'server/test/oidc/cache.integration.test.ts',
    'server/test/cli/backup/backup.integration.test.ts',
  ],
  'server/src/users/{.,links,sources,passwords}/*': ['server/test/users/sources/postgres-users.integration.test.ts'],
  'server/src/users/import/*': ['server/test/cli/people/import.integration.test.ts'],
  'server/src/users/ldap/*': [
    'server/test/users/ldap/directory-client.integration.test.ts',
    'server/test/cli/doctor/doctor.integration.test.ts',
  ],
}
