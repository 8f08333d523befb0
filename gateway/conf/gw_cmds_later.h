/**
 * gw_cmds_later: names of mod_proxy's family, under the names they have here,
 * whose feature is not built yet.
 *
 * A configuration that uses one fails at its own line and says what to do
 * instead; nothing is accepted without effect. Constants only. A name that
 * gets built leaves this list. Those of the balancer are in
 * mod_gateway_balancer.c.
 */
#ifndef GW_CMDS_LATER_H
#define GW_CMDS_LATER_H

/** LATER(name, what to do instead) for each, with commas between. */
#define GW_CMDS_LATER \
    /* routing and the forward proxy */ \
    LATER("<GatewayMatch", "use <Gateway> with wildcards"), \
    LATER("GatewayRequests", "this is no forward proxy, remove it"), \
    LATER("GatewayRemote", "point GatewayPass at the backend itself"), \
    LATER("GatewayRemoteMatch", "point GatewayPass at the backend itself"), \
    LATER("GatewayPassInterpolateEnv", "write the values into the URLs"), \
    LATER("GatewayPassInherit", "exclude a path of the main server with " \
          "'GatewayPass /path !' in the <VirtualHost>"), \
    LATER("GatewayBlock", "remove it, backends come from the configuration " \
          "alone"), \
    LATER("NoGateway", "remove it, backends are always reached directly"), \
    LATER("GatewayDomain", "remove it, it belongs to forward proxies"), \
    LATER("GatewayAllowCONNECT", "remove it, CONNECT is refused"), \
    LATER("GatewayMaxForwards", "remove it, Max-Forwards is not added"), \
    LATER("GatewayVia", "remove it, requests carry Via with a pseudonym of " \
          "this server"), \
    /* what goes through */ \
    LATER("GatewayPassReverseCookieDomain", "remove it, GatewayPass maps " \
          "the Domain of its backend's cookies by itself"), \
    LATER("GatewayPassReverseCookiePath", "remove it, GatewayPass maps the " \
          "Path of its backend's cookies by itself"), \
    LATER("GatewayErrorOverride", "let the backend answer errors itself"), \
    LATER("GatewayBadHeader", "remove it, a malformed response is a 502"), \
    LATER("Gateway100Continue", "remove it, an expected 100 (Continue) is " \
          "answered as the backend does"), \
    LATER("GatewayForwarded", "remove it, X-Forwarded-* is sent"), \
    LATER("GatewayTrustedProxy", "use mod_remoteip for proxies in front"), \
    LATER("GatewayStatus", "log %{GATEWAY_ADDR}e and its kin instead"), \
    /* sockets */ \
    LATER("GatewayReceiveBufferSize", "set the system's default size"), \
    LATER("GatewayIOBufferSize", "remove it, 16 KB are read at a time"), \
    LATER("GatewaySourceAddress", "set the source address by a route of " \
          "the system"), \
    LATER("GatewayAsyncDelay", "remove it"), \
    LATER("GatewayAsyncIdleTimeout", "remove it"), \
    LATER("GatewayWebsocketFallbackToProxyHttp", "remove it"), \
    LATER("GatewayWebsocketIdleTimeout", "use tunneltimeout="), \
    LATER("GatewayWebsocketAsyncDelay", "remove it"), \
    /* TLS to backends */ \
    LATER("GatewaySSLEngine", "remove it, an https:// URL is enough"), \
    LATER("GatewaySSLProtocol", "remove it, TLS 1.2 and 1.3 are used"), \
    LATER("GatewaySSLCipherSuite", "remove it, OpenSSL's default list is " \
          "used"), \
    LATER("GatewaySSLVerifyDepth", "remove it, the depth is 9"), \
    LATER("GatewaySSLCARevocationFile", "remove it"), \
    LATER("GatewaySSLCARevocationPath", "remove it"), \
    LATER("GatewaySSLCARevocationCheck", "remove it"), \
    LATER("GatewaySSLCheckPeerName", "remove it; the name is checked, " \
          "verifyname= gives another one"), \
    LATER("GatewaySSLCheckPeerCN", "remove it; the name is checked, " \
          "verifyname= gives another one"), \
    LATER("GatewaySSLCheckPeerExpire", "remove it, dates are checked"), \
    LATER("GatewaySSLMachineCertificateFile", "let the backend accept this " \
          "server without a client certificate"), \
    LATER("GatewaySSLMachineCertificatePath", "let the backend accept this " \
          "server without a client certificate"), \
    LATER("GatewaySSLMachineCertificateChainFile", "let the backend accept " \
          "this server without a client certificate"), \
    /* other protocols */ \
    LATER("GatewayFCGIBackendType", "keep mod_proxy_fcgi for it"), \
    LATER("GatewayFCGISetEnvIf", "keep mod_proxy_fcgi for it"), \
    LATER("GatewaySCGISendfile", "keep mod_proxy_scgi for it"), \
    LATER("GatewaySCGIInternalRedirect", "keep mod_proxy_scgi for it"), \
    LATER("GatewayFtpListOnWildcard", "keep mod_proxy_ftp for it"), \
    LATER("GatewayFtpEscapeWildcards", "keep mod_proxy_ftp for it"), \
    LATER("GatewayFtpDirCharset", "keep mod_proxy_ftp for it"), \
    LATER("GatewayExpressEnable", "write a GatewayPass for each host"), \
    LATER("GatewayExpressDBMFile", "write a GatewayPass for each host"), \
    LATER("GatewayExpressDBMType", "write a GatewayPass for each host"), \
    /* mod_proxy_html works behind this module as it is */ \
    LATER("GatewayHTMLEnable", "use ProxyHTMLEnable of mod_proxy_html"), \
    LATER("GatewayHTMLURLMap", "use ProxyHTMLURLMap of mod_proxy_html"), \
    LATER("GatewayHTMLInterp", "use ProxyHTMLInterp of mod_proxy_html"), \
    LATER("GatewayHTMLDoctype", "use ProxyHTMLDoctype of mod_proxy_html"), \
    LATER("GatewayHTMLFixups", "use ProxyHTMLFixups of mod_proxy_html"), \
    LATER("GatewayHTMLMeta", "use ProxyHTMLMeta of mod_proxy_html"), \
    LATER("GatewayHTMLExtended", "use ProxyHTMLExtended of " \
          "mod_proxy_html"), \
    LATER("GatewayHTMLStripComments", "use ProxyHTMLStripComments of " \
          "mod_proxy_html"), \
    LATER("GatewayHTMLBufSize", "use ProxyHTMLBufSize of mod_proxy_html"), \
    LATER("GatewayHTMLEvents", "use ProxyHTMLEvents of mod_proxy_html"), \
    LATER("GatewayHTMLLinks", "use ProxyHTMLLinks of mod_proxy_html"), \
    LATER("GatewayHTMLCharsetOut", "use ProxyHTMLCharsetOut of " \
          "mod_proxy_html")

#endif
