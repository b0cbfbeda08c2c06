# The worker as a service on Fargate, where var.worker is set.

resource "aws_cloudwatch_log_group" "worker_service" {
  count = var.worker == null ? 0 : 1

  name              = "/audit-warehouse/${var.name}-worker"
  retention_in_days = var.worker.log_days
  kms_key_id        = var.log_kms_key_arn
  tags              = var.tags
}

resource "aws_ecs_task_definition" "worker" {
  count = var.worker == null ? 0 : 1

  family                   = "${var.name}-worker"
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = var.worker.cpu
  memory                   = var.worker.memory
  task_role_arn            = aws_iam_role.job["worker"].arn
  execution_role_arn       = aws_iam_role.execution[0].arn
  tags                     = var.tags

  runtime_platform {
    operating_system_family = "LINUX"
    cpu_architecture        = var.worker.architecture
  }

  container_definitions = jsonencode([{
    name       = "worker"
    image      = var.worker.image
    essential  = true
    entryPoint = ["/bin/sh", "-c"]
    # Fargate has no files of its own to mount.
    command = ["printf '%s' \"$CONFIG\" > /tmp/audit-warehouse.yaml && exec /app/bin/audit-warehouse worker"]
    environment = [
      { name = "CONFIG", value = var.worker.config },
      { name = "AUDIT_WAREHOUSE_CONFIG", value = "/tmp/audit-warehouse.yaml" },
    ]
    # worker.shutdown (1 min) and 20 s.
    stopTimeout  = 90
    portMappings = [{ containerPort = 9464, protocol = "tcp" }]
    logConfiguration = {
      logDriver = "awslogs"
      options = {
        "awslogs-group"         = aws_cloudwatch_log_group.worker_service[0].name
        "awslogs-region"        = local.region
        "awslogs-stream-prefix" = "worker"
      }
    }
  }])
}

resource "aws_ecs_service" "worker" {
  count = var.worker == null ? 0 : 1

  name            = "${var.name}-worker"
  cluster         = var.worker.cluster_arn
  task_definition = aws_ecs_task_definition.worker[0].arn
  desired_count   = var.worker.count
  launch_type     = "FARGATE"
  propagate_tags  = "SERVICE"
  tags            = var.tags

  # Old and new may run side by side: they agree by the ledger.
  deployment_minimum_healthy_percent = 100
  deployment_maximum_percent         = 200

  deployment_circuit_breaker {
    enable   = true
    rollback = true
  }

  network_configuration {
    subnets         = var.worker.subnets
    security_groups = var.worker.security_groups
  }

  depends_on = [aws_iam_role_policy.job]
}
