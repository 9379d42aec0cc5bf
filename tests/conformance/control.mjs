// The control: node oidc-provider, configured to offer what our provider offers, so that the same tests can ask both.
//
// Started with one argument, a JSON file: {modules, port, issuer, resource, clients, people, relying, jwks, cookieKey}.
// Beside the provider it answers what stands for things that happen outside the protocol:
//   POST /outside/wait   {seconds}               the clock of this process moves on
//   POST /outside/ciba   {auth_req_id, approve}  the person decides on their own phone
import http from 'node:http';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

const told = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const { default: Provider, errors } = await import(
  pathToFileURL(createRequire(`${told.modules}/`).resolve('oidc-provider'))
);

let ahead = 0;
const RealDate = Date;
globalThis.Date = class extends RealDate {
  constructor(...given) {
    if (given.length === 0) super(RealDate.now() + ahead);
    else super(...given);
  }
  static now() {
    return RealDate.now() + ahead;
  }
};

const people = new Map(told.people.map((person) => [person.login, person]));
const waiting = new Map();
const settled = (grant, scope, claims) => {
  grant.addOIDCScope(scope);
  grant.addOIDCClaims(claims);
  grant.addResourceScope(told.resource, 'hub:orders hub:messages');
  return grant.save();
};

const provider = new Provider(told.issuer, {
  clients: told.clients,
  jwks: told.jwks,
  cookies: { keys: [told.cookieKey], long: { sameSite: 'none' } },
  enableHttpPostMethods: true,
  scopes: ['openid', 'offline_access'],
  claims: {
    openid: ['sub'],
    profile: ['name', 'preferred_username', 'locale', 'updated_at'],
    email: ['email', 'email_verified'],
    address: ['address'],
    phone: ['phone_number', 'phone_number_verified'],
  },
  acrValues: ['urn:interlock:acr:single-factor'],
  conformIdTokenClaims: false,
  rotateRefreshToken: true,
  issueRefreshToken: async (ctx, client) => client.grantTypeAllowed('refresh_token'),
  // The applications belong to the operator, as ours do: nobody is asked for consent.
  loadExistingGrant: async (ctx) => {
    const known = ctx.oidc.session.grantIdFor(ctx.oidc.client.clientId);
    if (known) return provider.Grant.find(known);
    const grant = new provider.Grant({ clientId: ctx.oidc.client.clientId, accountId: ctx.oidc.session.accountId });
    await settled(grant, 'openid profile email address phone offline_access', [...ctx.oidc.requestParamClaims]);
    return grant;
  },
  findAccount: (ctx, id) => people.has(id) && { accountId: id, claims: async () => ({ sub: id, ...people.get(id).claims }) },
  pkce: { required: () => false },
  enabledJWA: { requestObjectSigningAlgValues: ['ES256', 'RS256'] },
  // The tests' relying parties listen on this machine under names of https; the guard against that is taken off.
  fetch: (url, { dispatcher, ...options }) => fetch(String(url).replace('https://relying.interlock.test', told.relying), options),
  features: {
    backchannelLogout: { enabled: true },
    claimsParameter: { enabled: true },
    clientCredentials: { enabled: true },
    deviceFlow: { enabled: true },
    dPoP: { enabled: true },
    introspection: { enabled: true },
    revocation: { enabled: true },
    pushedAuthorizationRequests: { enabled: true },
    registration: { enabled: true },
    rpInitiatedLogout: { enabled: true },
    resourceIndicators: {
      enabled: true,
      defaultResource: (ctx, client, oneOf) => oneOf ?? (ctx.oidc.params?.grant_type === 'client_credentials' ? told.resource : undefined),
      getResourceServerInfo: async () => ({
        scope: 'hub:orders hub:messages', audience: told.resource, accessTokenFormat: 'jwt', jwt: { sign: { alg: told.accessTokenAlgorithm ?? 'ES256' } },
      }),
    },
    ciba: {
      enabled: true,
      deliveryModes: ['poll', 'ping'],
      processLoginHint: async (ctx, hint) => (people.has(hint) ? hint : undefined),
      processLoginHintToken: async () => undefined,
      verifyUserCode: async () => undefined,
      validateRequestContext: async () => undefined,
      triggerAuthenticationDevice: async (ctx, request) => { waiting.set(request.jti, request); },
    },
  },
});

const outside = {
  wait: async ({ seconds }) => { ahead += seconds * 1000; },
  ciba: async ({ auth_req_id: id, approve }) => {
    const request = waiting.get(id);
    if (!approve) {
      await provider.backchannelResult(request, new errors.AccessDenied('the person said no')).catch(() => undefined);
      return;
    }
    const grant = new provider.Grant({ clientId: request.clientId, accountId: request.accountId });
    const grantId = await settled(grant, request.scope, []);
    // What the client's endpoint answered is the client's affair; the grant stands.
    await provider.backchannelResult(request, grantId, { authTime: Math.floor(Date.now() / 1000) }).catch(() => undefined);
  },
};

const answer = provider.callback();
http.createServer(async (request, response) => {
  const [, kind] = /^\/outside\/(\w+)$/.exec(request.url) ?? [];
  if (!kind) return answer(request, response);
  const parts = [];
  for await (const part of request) parts.push(part);
  await outside[kind](JSON.parse(Buffer.concat(parts).toString()));
  return response.writeHead(204).end();
}).listen(told.port, '127.0.0.1', () => console.log('listening'));
