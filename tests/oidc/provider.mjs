// A real OpenID provider (npm `oidc-provider`), with what the round needs: client credentials, an exchange of tokens that adds
// an actor (RFC 8693), opaque tokens and JWTs by resource, signed answers about them (RFC 9701), DPoP, and keys that can be
// rotated while it runs.
//
// usage: node provider.mjs PORT
import { generateKeyPairSync } from "node:crypto";
import http from "node:http";
import Provider from "oidc-provider";

const [port] = process.argv.slice(2);
const issuer = `http://127.0.0.1:${port}`;
const key = (kid) => {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  return { ...privateKey.export({ format: "jwk" }), kid, use: "sig", alg: "ES256" };
};
const resource = (format) => ({
  scope: "read write",
  audience: `https://${format}.example`,
  accessTokenFormat: format === "opaque" ? "opaque" : "jwt",
  accessTokenTTL: 300,
  jwt: { sign: { alg: "ES256" } },
});
const client = (client_id) => ({
  client_id,
  client_secret: `secret-of-${client_id}-that-is-long`,
  grant_types: ["client_credentials", "urn:ietf:params:oauth:grant-type:token-exchange"],
  redirect_uris: [],
  response_types: [],
  id_token_signed_response_alg: "ES256",
  introspection_signed_response_alg: "ES256",
});

const exchange = "urn:ietf:params:oauth:grant-type:token-exchange";
function provider(keys) {
  const made = new Provider(issuer, {
    clients: [client("bot"), client("orchestrator"), client("pdp")],
    jwks: { keys },
    scopes: ["read", "write"],
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      introspection: { enabled: true, allowedPolicy: () => true },
      jwtIntrospection: { enabled: true },
      dPoP: { enabled: true },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: (_ctx, indicator) => resource(new URL(indicator).hostname.split(".")[0]),
        useGrantedResource: () => true,
      },
    },
    extraTokenClaims: (_ctx, token) => token.extra,
    ttl: { ClientCredentials: 300, AccessToken: 300 },
  });
  // The user of the round has signed in elsewhere: the first exchange names her, and a later one adds the next actor.
  made.registerGrantType(exchange, async (ctx) => {
    const { params, client: caller } = ctx.oidc;
    const actors = JSON.parse(params.actors ?? "[]");
    const act = actors.reduce((inner, sub) => ({ sub, ...(inner ? { act: inner } : {}) }), undefined);
    const { AccessToken } = made;
    const server = resource(new URL(params.resource).hostname.split(".")[0]);
    const grant = new made.Grant({ accountId: params.user, clientId: caller.clientId });
    grant.addResourceScope(params.resource, params.scope ?? "read");
    const token = new AccessToken({
      accountId: params.user,
      client: caller,
      expiresWithSession: false,
      grantId: await grant.save(),
      gty: exchange,
      scope: params.scope ?? "read",
      extra: act ? { act } : undefined,
    });
    token.resourceServer = new made.ResourceServer(params.resource, server);
    if (params.jkt) token.jkt = params.jkt;
    ctx.body = { access_token: await token.save(), token_type: params.jkt ? "DPoP" : "Bearer", expires_in: 300 };
  }, ["user", "actors", "resource", "scope", "jkt"], ["resource"]);
  made.on("server_error", (_ctx, error) => console.error(error));
  return made.callback();
}

let handler = provider([key("k1")]);
http
  .createServer((request, response) => {
    if (request.url === "/rotate") {
      const fresh = key(`k${Date.now()}`);
      // The tokens of before lose their key: a provider that was broken into does just that.
      handler = provider([fresh]);
      response.end("rotated");
      return;
    }
    handler(request, response);
  })
  .listen(Number(port), "127.0.0.1", () => console.log("ready"));
