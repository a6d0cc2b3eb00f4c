// Counts clicks by product and minute with Kafka Streams: one thread, RocksDB, changelog, as its guide shows.
import com.fasterxml.jackson.databind.ObjectMapper;
import com.sun.management.OperatingSystemMXBean;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.time.Duration;
import java.time.OffsetDateTime;
import java.util.Locale;
import java.util.Properties;
import java.util.concurrent.CountDownLatch;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.TimeWindows;
import org.apache.kafka.streams.processor.TimestampExtractor;

public class Streams {
    static final ObjectMapper JSON = new ObjectMapper();
    static final OperatingSystemMXBean SYSTEM =
        (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
    static long begun, cpu, left;
    static final CountDownLatch done = new CountDownLatch(1);

    public static class EventTime implements TimestampExtractor {
        public long extract(ConsumerRecord<Object, Object> record, long partitionTime) {
            try {
                var event = JSON.readTree((byte[]) record.value());
                return OffsetDateTime.parse(event.get("timestamp").asText()).toInstant().toEpochMilli();
            } catch (java.io.IOException error) {
                throw new IllegalStateException(error);
            }
        }
    }

    public static void main(String[] args) throws Exception {
        int events = Integer.parseInt(args[2]);
        left = events;
        var settings = new Properties();
        settings.put(StreamsConfig.APPLICATION_ID_CONFIG, "streams-" + System.nanoTime());
        settings.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, args[0]);
        settings.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, 1);
        settings.put(StreamsConfig.STATE_DIR_CONFIG, Files.createTempDirectory("streams").toString());
        settings.put("auto.offset.reset", "earliest");
        var builder = new StreamsBuilder();
        builder.stream(args[1], Consumed.with(Serdes.String(), Serdes.ByteArray())
                .withTimestampExtractor(new EventTime()))
            .peek((key, value) -> {
                if (begun == 0) {
                    begun = System.nanoTime();
                    cpu = SYSTEM.getProcessCpuTime();
                }
            })
            .groupByKey()
            .windowedBy(TimeWindows.ofSizeAndGrace(Duration.ofMinutes(1), Duration.ofHours(24)))
            .count();
        var topology = builder.build();
        try (var streams = new KafkaStreams(topology, settings)) {
            streams.start();
            while (processed(streams) < events) {
                Thread.sleep(5);
            }
            double seconds = (System.nanoTime() - begun) / 1e9;
            double used = (SYSTEM.getProcessCpuTime() - cpu) / 1e9;
            System.out.printf(Locale.ROOT, "{\"events\": %d, \"seconds\": %.3f, \"cpu\": %.3f}%n", events, seconds, used);
            streams.cleanUp();
        } catch (IllegalStateException closing) {
            // cleanUp() wants a stopped client; the figures are printed already
        }
        System.exit(0);
    }

    static double processed(KafkaStreams streams) {
        return streams.metrics().values().stream()
            .filter(metric -> metric.metricName().name().equals("process-total"))
            .filter(metric -> metric.metricName().group().equals("stream-thread-metrics"))
            .mapToDouble(metric -> (Double) metric.metricValue())
            .sum();
    }
}
