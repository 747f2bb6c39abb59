/* Print detections: cc subscriber.c -o subscriber -lzmq -lcjson, then ./subscriber tcp://127.0.0.1:5561 15,
 * address and patience in s.  Debian: apt install libzmq3-dev libcjson-dev.
 * A third argument is the file with the keys of this subscriber, where the feed is encrypted. */

#include <cjson/cJSON.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

enum { MAX_TOPIC = 128, HEADER = 24, SESSION = 16, MAX_BODY = 4095 };

static void fail(const char *why)
{
    fprintf(stderr, "%s\n", why);
    exit(EXIT_FAILURE);
}

/* Receive one frame as a string; returns its length, or -1 where nothing came in time. */
static int receive(void *socket, char *frame, int max, int is_last)
{
    int length, more;
    size_t size = sizeof more;
    do
        length = zmq_recv(socket, frame, max, 0);
    while (length < 0 && zmq_errno() == EINTR);
    if (length < 0 && zmq_errno() == EAGAIN)
        return -1;
    if (length < 0)
        fail(zmq_strerror(zmq_errno()));
    zmq_getsockopt(socket, ZMQ_RCVMORE, &more, &size);
    if (length > max || more == is_last)
        fail("this is no message of quake-stream");
    frame[length] = '\0';
    return length;
}

/* Set the keys that stand in the file of an encrypted feed. */
static void set_keys(void *socket, const char *path)
{
    char line[256], key[41];
    FILE *file = fopen(path, "r");
    if (!file)
        fail("the file with the keys cannot be read");
    while (fgets(line, sizeof line, file)) {
        if (sscanf(line, " public-key = \"%40[^\"]", key) == 1)
            zmq_setsockopt(socket, ZMQ_CURVE_PUBLICKEY, key, sizeof key);
        else if (sscanf(line, " secret-key = \"%40[^\"]", key) == 1)
            zmq_setsockopt(socket, ZMQ_CURVE_SECRETKEY, key, sizeof key);
        else if (sscanf(line, " server-key = \"%40[^\"]", key) == 1)
            zmq_setsockopt(socket, ZMQ_CURVE_SERVERKEY, key, sizeof key);
    }
    fclose(file);
}

static const char *text(const cJSON *body, const char *name)
{
    const char *value = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(body, name));
    return value ? value : "?";
}

/* Print the message; fields that we do not know are left alone. */
static void show(const char *topic, const cJSON *body)
{
    char kind[32] = "";
    int major = 0;
    sscanf(text(body, "schema"), "quake-stream/%31[^/]/%d", kind, &major);
    int is_detection = !strcmp(kind, "detection"), is_heartbeat = !strcmp(kind, "heartbeat");
    if ((is_detection || is_heartbeat) && major > 1) {
        fprintf(stderr, "%s is newer than this program\n", text(body, "schema"));
        exit(EXIT_FAILURE);
    }
    if (is_heartbeat) {
        const cJSON *stations = cJSON_GetObjectItemCaseSensitive(body, "stations");
        double n_ok = cJSON_GetNumberValue(cJSON_GetObjectItemCaseSensitive(stations, "ok"));
        printf("heartbeat of %s: %.0f instruments ok\n", text(body, "host"), n_ok);
    } else if (is_detection) {
        double probability = cJSON_GetNumberValue(cJSON_GetObjectItemCaseSensitive(body, "peak_probability"));
        printf("%s %s %s %.2f\n", text(body, "onset_time"), topic, text(body, "state"), probability);
    }
}

/* Say what was missed before the message with this header. */
static void follow(const char *header)
{
    static char last_session[SESSION];
    static uint64_t last;
    uint64_t sequence = 0;
    for (int i = SESSION; i < HEADER; i++)
        sequence = sequence << 8 | (unsigned char)header[i];
    if (memcmp(header, last_session, SESSION)) {
        printf("session ");
        for (int i = 0; i < SESSION; i++)
            printf("%02x", (unsigned char)header[i]);
        printf(" from message %llu\n", (unsigned long long)sequence);
    } else if (sequence != last + 1) {
        printf("missed %llu messages\n", (unsigned long long)(sequence - last - 1));
    }
    memcpy(last_session, header, SESSION);
    last = sequence;
}

int main(int argc, char **argv)
{
    char topic[MAX_TOPIC + 1], header[HEADER + 1], frame[MAX_BODY + 1];
    if (argc < 3)
        fail("usage: subscriber ADDRESS SECONDS [KEYS]");
    int patience_ms = (int)(1000 * atof(argv[2]));
    void *socket = zmq_socket(zmq_ctx_new(), ZMQ_SUB);
    zmq_setsockopt(socket, ZMQ_RCVTIMEO, &patience_ms, sizeof patience_ms);
    /* One sequence counts all topics, so with a filter here the others would look lost. */
    zmq_setsockopt(socket, ZMQ_SUBSCRIBE, "", 0);
    if (argc > 3)
        set_keys(socket, argv[3]);
    if (zmq_connect(socket, argv[1]))
        fail(zmq_strerror(zmq_errno()));
    setvbuf(stdout, NULL, _IOLBF, 0);
    for (;;) {
        if (receive(socket, topic, MAX_TOPIC, 0) < 0) {
            puts("silence: not even a heartbeat");
            continue;
        }
        if (receive(socket, header, HEADER, 0) != HEADER || receive(socket, frame, MAX_BODY, 1) < 0)
            fail("this is no message of quake-stream");
        follow(header);
        cJSON *body = cJSON_Parse(frame);
        show(topic, body);
        cJSON_Delete(body);
    }
}
