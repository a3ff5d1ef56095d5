package only2u.engine;

import java.util.Locale;
import java.util.Map;
import java.util.function.Function;
import java.util.function.UnaryOperator;
import org.apache.lucene.analysis.Analyzer;
import org.apache.lucene.analysis.TokenStream;
import org.apache.lucene.analysis.en.EnglishAnalyzer;
import org.apache.lucene.analysis.en.EnglishPossessiveFilter;
import org.apache.lucene.analysis.en.KStemFilter;
import org.apache.lucene.analysis.en.PorterStemFilter;
import org.apache.lucene.analysis.miscellaneous.ASCIIFoldingFilter;
import org.apache.lucene.analysis.ngram.EdgeNGramTokenFilter;
import org.apache.lucene.analysis.ngram.NGramTokenFilter;
import org.apache.lucene.analysis.snowball.SnowballFilter;
import org.elasticsearch.common.settings.Settings;
import org.elasticsearch.index.analysis.AnalyzerProvider;
import org.elasticsearch.index.analysis.AnalyzerScope;
import org.elasticsearch.index.analysis.TokenFilterFactory;
import org.elasticsearch.indices.analysis.AnalysisModule.AnalysisProvider;
import org.elasticsearch.plugins.AnalysisPlugin;
import org.elasticsearch.plugins.Plugin;

/** The token filters and the analyzer of Elasticsearch's analysis-common that a shop may name: that module is not in Maven Central. */
public final class WordsModule extends Plugin implements AnalysisPlugin {
    @Override
    public Map<String, AnalysisProvider<TokenFilterFactory>> getTokenFilters() {
        return Map.of(
            "asciifolding", simple(ASCIIFoldingFilter::new),
            "kstem", simple(KStemFilter::new),
            "porter_stem", simple(PorterStemFilter::new),
            "stemmer", configured(WordsModule::stemmer),
            "ngram", configured(WordsModule::ngram),
            "edge_ngram", configured(WordsModule::edgeNgram)
        );
    }

    private static UnaryOperator<TokenStream> stemmer(Settings settings) {
        String language = settings.get("language", settings.get("name", "english")).toLowerCase(Locale.ROOT);
        return switch (language) {
            case "english", "porter" -> PorterStemFilter::new;
            case "light_english", "kstem" -> KStemFilter::new;
            case "possessive_english" -> EnglishPossessiveFilter::new;
            default -> {
                String snowball = language.substring(0, 1).toUpperCase(Locale.ROOT) + language.substring(1);
                yield stream -> new SnowballFilter(stream, snowball);
            }
        };
    }

    private static UnaryOperator<TokenStream> ngram(Settings settings) {
        int least = settings.getAsInt("min_gram", 1);
        int most = settings.getAsInt("max_gram", 2);
        boolean whole = settings.getAsBoolean("preserve_original", false);
        return stream -> new NGramTokenFilter(stream, least, most, whole);
    }

    private static UnaryOperator<TokenStream> edgeNgram(Settings settings) {
        int least = settings.getAsInt("min_gram", 1);
        int most = settings.getAsInt("max_gram", 2);
        boolean whole = settings.getAsBoolean("preserve_original", false);
        return stream -> new EdgeNGramTokenFilter(stream, least, most, whole);
    }

    private static AnalysisProvider<TokenFilterFactory> simple(UnaryOperator<TokenStream> filter) {
        return (index, environment, name, settings) -> factory(name, filter);
    }

    private static AnalysisProvider<TokenFilterFactory> configured(Function<Settings, UnaryOperator<TokenStream>> filterOf) {
        return AnalysisPlugin.requiresAnalysisSettings((index, environment, name, settings) -> factory(name, filterOf.apply(settings)));
    }

    private static TokenFilterFactory factory(String name, UnaryOperator<TokenStream> filter) {
        return new TokenFilterFactory() {
            @Override
            public String name() {
                return name;
            }

            @Override
            public TokenStream create(TokenStream stream) {
                return filter.apply(stream);
            }
        };
    }

    @Override
    public Map<String, AnalysisProvider<AnalyzerProvider<? extends Analyzer>>> getAnalyzers() {
        return Map.of("english", (index, environment, name, settings) -> new English(name, new EnglishAnalyzer()));
    }

    // One for each index: Elasticsearch closes it with the index.
    private record English(String name, EnglishAnalyzer get) implements AnalyzerProvider<EnglishAnalyzer> {
        @Override
        public AnalyzerScope scope() {
            return AnalyzerScope.INDEX;
        }
    }
}
