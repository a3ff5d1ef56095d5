package only2u.engine;

import io.netty.channel.Channel;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpRequest;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.function.BiConsumer;
import java.util.function.Predicate;
import java.util.function.Supplier;
import javax.net.ssl.SSLContext;
import org.apache.lucene.util.Version;
import org.elasticsearch.Build;
import org.elasticsearch.ElasticsearchSecurityException;
import org.elasticsearch.action.ActionListener;
import org.elasticsearch.client.internal.node.NodeClient;
import org.elasticsearch.cluster.metadata.IndexNameExpressionResolver;
import org.elasticsearch.cluster.node.DiscoveryNodes;
import org.elasticsearch.common.io.stream.NamedWriteableRegistry;
import org.elasticsearch.common.network.NetworkService;
import org.elasticsearch.common.settings.ClusterSettings;
import org.elasticsearch.common.settings.IndexScopedSettings;
import org.elasticsearch.common.settings.Setting;
import org.elasticsearch.common.settings.Settings;
import org.elasticsearch.common.settings.SettingsFilter;
import org.elasticsearch.common.ssl.DefaultJdkTrustConfig;
import org.elasticsearch.common.ssl.PemKeyConfig;
import org.elasticsearch.common.ssl.SslClientAuthenticationMode;
import org.elasticsearch.common.ssl.SslConfiguration;
import org.elasticsearch.common.ssl.SslVerificationMode;
import org.elasticsearch.common.util.BigArrays;
import org.elasticsearch.common.util.PageCacheRecycler;
import org.elasticsearch.common.util.concurrent.ThreadContext;
import org.elasticsearch.features.NodeFeature;
import org.elasticsearch.http.HttpPreRequest;
import org.elasticsearch.http.HttpServerTransport;
import org.elasticsearch.http.netty4.Netty4HttpServerTransport;
import org.elasticsearch.indices.breaker.CircuitBreakerService;
import org.elasticsearch.plugins.ActionPlugin;
import org.elasticsearch.rest.BaseRestHandler;
import org.elasticsearch.rest.RestController;
import org.elasticsearch.rest.RestHandler;
import org.elasticsearch.rest.RestRequest;
import org.elasticsearch.rest.RestResponse;
import org.elasticsearch.rest.RestStatus;
import org.elasticsearch.telemetry.tracing.Tracer;
import org.elasticsearch.threadpool.ThreadPool;
import org.elasticsearch.transport.netty4.Netty4Plugin;
import org.elasticsearch.transport.netty4.SharedGroupFactory;
import org.elasticsearch.transport.netty4.TLSConfig;
import org.elasticsearch.xcontent.NamedXContentRegistry;
import org.elasticsearch.xcontent.XContentBuilder;

/**
 * What a client meets first, and what is not in Maven Central's Elasticsearch: HTTP by Netty with TLS and nothing else, one user with a
 * password, and the answer at "/" by which clients know the server.
 */
public final class EdgeModule extends Netty4Plugin implements ActionPlugin {
    private static final Setting<String> CERTIFICATE = setting("only2u.tls.certificate");
    private static final Setting<String> KEY = setting("only2u.tls.key");
    private static final Setting<String> USER = setting("only2u.user");
    private static final Setting<String> PASSWORD_FILE = setting("only2u.password_file");

    private static Setting<String> setting(String name) {
        return Setting.simpleString(name, Setting.Property.NodeScope);
    }

    @Override
    public List<Setting<?>> getSettings() {
        List<Setting<?>> all = new ArrayList<>(super.getSettings());
        all.addAll(List.of(CERTIFICATE, KEY, USER, PASSWORD_FILE));
        return all;
    }

    @Override
    public Map<String, Supplier<HttpServerTransport>> getHttpTransports(
        Settings settings,
        ThreadPool threadPool,
        BigArrays bigArrays,
        PageCacheRecycler pageCacheRecycler,
        CircuitBreakerService circuitBreakerService,
        NamedXContentRegistry xContentRegistry,
        NetworkService networkService,
        HttpServerTransport.Dispatcher dispatcher,
        BiConsumer<HttpPreRequest, ThreadContext> perRequestThreadContext,
        ClusterSettings clusterSettings,
        Tracer tracer
    ) {
        byte[] expected = expectedAuthorization(settings);
        return Map.of(
            NETTY_HTTP_TRANSPORT_NAME,
            () -> new Netty4HttpServerTransport(
                settings,
                networkService,
                threadPool,
                xContentRegistry,
                dispatcher,
                clusterSettings,
                new SharedGroupFactory(settings),
                tracer,
                tls(settings),
                null,
                (request, channel, listener) -> authenticate(expected, request, channel, listener)
            ) {
                @Override
                protected void populatePerRequestThreadContext(RestRequest request, ThreadContext context) {
                    perRequestThreadContext.accept(request.getHttpRequest(), context);
                }
            }
        );
    }

    private static TLSConfig tls(Settings settings) {
        SslConfiguration configuration = new SslConfiguration(
            "only2u.tls",
            true,
            DefaultJdkTrustConfig.DEFAULT_INSTANCE, // asks clients for no certificate
            new PemKeyConfig(CERTIFICATE.get(settings), KEY.get(settings), new char[0], Path.of("/")),
            SslVerificationMode.NONE,
            SslClientAuthenticationMode.NONE,
            List.of("TLS_AES_256_GCM_SHA384", "TLS_AES_128_GCM_SHA256", "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"),
            List.of("TLSv1.3", "TLSv1.2")
        );
        SSLContext context = configuration.createSslContext();
        return new TLSConfig(configuration, (ssl, host, port) -> {
            var engine = context.createSSLEngine(host, port);
            engine.setEnabledProtocols(ssl.supportedProtocols().toArray(String[]::new));
            engine.setEnabledCipherSuites(ssl.getCipherSuites().toArray(String[]::new));
            return engine;
        });
    }

    private static byte[] expectedAuthorization(Settings settings) {
        try {
            String password = Files.readString(Path.of(PASSWORD_FILE.get(settings))).strip();
            byte[] both = (USER.get(settings) + ":" + password).getBytes(StandardCharsets.UTF_8);
            return ("Basic " + Base64.getEncoder().encodeToString(both)).getBytes(StandardCharsets.UTF_8);
        } catch (IOException problem) {
            throw new UncheckedIOException(problem);
        }
    }

    private static void authenticate(byte[] expected, HttpRequest request, Channel channel, ActionListener<Void> listener) {
        String given = request.headers().get(HttpHeaderNames.AUTHORIZATION, "");
        if (MessageDigest.isEqual(given.getBytes(StandardCharsets.UTF_8), expected)) {
            listener.onResponse(null);
            return;
        }
        var refusal = new ElasticsearchSecurityException("unable to authenticate for REST request", RestStatus.UNAUTHORIZED);
        refusal.addHeader("WWW-Authenticate", "Basic realm=\"security\", charset=\"UTF-8\"");
        listener.onFailure(refusal);
    }

    @Override
    public Collection<RestHandler> getRestHandlers(
        Settings settings,
        NamedWriteableRegistry namedWriteableRegistry,
        RestController restController,
        ClusterSettings clusterSettings,
        IndexScopedSettings indexScopedSettings,
        SettingsFilter settingsFilter,
        IndexNameExpressionResolver resolver,
        Supplier<DiscoveryNodes> nodes,
        Predicate<NodeFeature> features
    ) {
        return List.of(new Welcome(settings));
    }

    private static final class Welcome extends BaseRestHandler {
        private final Settings settings;

        Welcome(Settings settings) {
            this.settings = settings;
        }

        @Override
        public String getName() {
            return "only2u_welcome";
        }

        @Override
        public List<Route> routes() {
            return List.of(new Route(RestRequest.Method.GET, "/"), new Route(RestRequest.Method.HEAD, "/"));
        }

        @Override
        protected RestChannelConsumer prepareRequest(RestRequest request, NodeClient client) {
            return channel -> {
                XContentBuilder body = channel.newBuilder();
                body.startObject();
                body.field("name", settings.get("node.name"));
                body.field("cluster_name", settings.get("cluster.name"));
                body.startObject("version");
                body.field("number", Build.current().version());
                body.field("build_flavor", "default");
                body.field("build_type", "maven");
                body.field("build_hash", Build.current().hash());
                body.field("build_snapshot", Build.current().isSnapshot());
                body.field("lucene_version", Version.LATEST.toString());
                body.field("minimum_wire_compatibility_version", "7.17.0");
                body.field("minimum_index_compatibility_version", "7.0.0");
                body.endObject();
                body.field("tagline", "You Know, for Search");
                body.endObject();
                channel.sendResponse(new RestResponse(RestStatus.OK, body));
            };
        }
    }
}
