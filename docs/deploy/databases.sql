-- beside the one that POSTGRES_DB makes
CREATE DATABASE prefect;
CREATE DATABASE mlflow;
