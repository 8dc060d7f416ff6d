/** What examples/clients has for trying out, and who signs in there. */
export const demo = { namespace: 'demo', web: 'demo-web', machine: 'demo-machine', person: 'ada' }
